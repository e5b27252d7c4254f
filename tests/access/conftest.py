"""The stage: a server with a prepared shop."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from access.stage import Stage, make_stage
from support.server import CHEAP_PASSWORDS, serving

from app.settings import Settings


@pytest.fixture
async def stage(fresh_url: str, tmp_path: Path) -> AsyncGenerator[Stage]:
    """A server with a prepared shop."""
    unlimited = {
        "registrations_per_address": 0,
        "reset_requests_per_account": 0,
        "reset_requests_per_address": 0,
        # Each thing is asked for with all that hangs on it.
        "max_cost": 10_000_000,
        **CHEAP_PASSWORDS,
    }
    settings = Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, **unlimited)
    async with serving(settings) as server:
        yield await make_stage(server)
