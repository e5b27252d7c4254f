"""A server with something of everything."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from factories.whole_shop import WholeShop, make_whole_shop
from support.server import CHEAP_PASSWORDS, Server, serving

from app.settings import Settings


@pytest.fixture
async def server(fresh_url: str, tmp_path: Path) -> AsyncGenerator[Server]:
    """A server whose callers may ask as often as they like."""
    settings = Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, **CHEAP_PASSWORDS)
    async with serving(settings) as server:
        yield server


@pytest.fixture
async def whole(server: Server) -> WholeShop:
    """What is in its shop."""
    return await make_whole_shop(server.process.database, 3)
