"""The stage: a server with a prepared shop."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from access.stage import Stage, make_stage
from support.server import serving

from app.settings import Settings


@pytest.fixture
async def stage(fresh_url: str, tmp_path: Path) -> AsyncGenerator[Stage]:
    """A server with a prepared shop."""
    async with serving(Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path)) as server:
        yield await make_stage(server)
