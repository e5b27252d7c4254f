"""Real servers for the tests: PostgreSQL and Valkey from their wheels, one of each per test process.

`tests/oldest` has another PostgreSQL in the place of the one here.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from support.databases import commanding, forgetful, make_template
from support.server import CHEAP_PASSWORDS, Server, serving
from support.shop import Shop, with_quick_passwords

from app.settings import Settings
from app.wiring import running
from db.base import new_id
from db.embedded import database_url, embedded_server
from db.engine import Database

SETTINGS = Settings(broadcast_url="memory://", live_poll_seconds=0.2)
"""Of each shop. To read the environment each time would be a good part of the work."""


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """The URL of an embedded PostgreSQL server of this test process."""
    with forgetful(embedded_server) as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database at the newest migration, to copy from."""
    return make_template(postgres)


@pytest.fixture(scope="session")
def command(postgres: str) -> Generator[Callable[[str], None]]:
    """Sends a statement to the server."""
    with commanding(postgres) as command:
        yield command


@pytest.fixture
def fresh_url(postgres: str, template: str, command: Callable[[str], None]) -> Generator[str]:
    """The URL of a fresh, migrated, empty database, which goes with the test."""
    name = f"test_{new_id().hex}"
    command(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    yield database_url(postgres, name)
    command(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(fresh_url: str) -> AsyncGenerator[Database]:
    """A fresh, migrated, empty database."""
    database = Database(fresh_url, 10)
    yield database
    await database.close()


@pytest.fixture
async def shop(fresh_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """An empty shop behind the real schema, with live events in this process."""
    settings = SETTINGS.model_copy(update={"database_url": fresh_url, "data_dir": tmp_path})
    async with running(settings) as process:
        yield Shop(with_quick_passwords(process))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_url(postgres: str, template: str) -> str:
    """The URL of one migrated, empty database for a whole module."""
    database = Database(postgres, 1)
    name = f"lasting_{new_id().hex}"
    await database.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    await database.close()
    return database_url(postgres, name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_settings(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a server for a whole module."""
    data_dir = tmp_path_factory.mktemp("lasting")
    return Settings(database_url=module_url, broadcast_url="memory://", data_dir=data_dir, **CHEAP_PASSWORDS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting(lasting_settings: Settings) -> AsyncGenerator[Server]:
    """One server for a whole module, whose tests change nothing and share its event loop."""
    async with serving(lasting_settings) as server:
        yield server
