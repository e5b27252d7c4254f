"""Shops that hold the Online Retail data. They are only read, so one of each serves all tests.

Half a million lines pass the branches that a hundred have passed in tests/db: they are not counted again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from real_data.figures import Line, book_lines
from support.databases import copy_database
from support.measuring import unmeasured
from support.shop import Shop

from app.settings import Settings
from app.wiring import running
from db.engine import Database
from db.online_retail import import_online_retail
from domain.actor import Actor

DATA = Path(__file__).parents[3] / "shared" / "data" / "online-retail"
ADMIN = Actor(UUID(int=1), "owner", is_admin=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the data there is nothing to compare."""
    if not DATA.exists():
        missing = pytest.mark.skip(reason="the Online Retail data is not in ../shared/data/online-retail")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(missing)


def _stay_silent(*_: object) -> None:
    """Progress that nobody watches."""


async def _import(postgres: str, template: str, name: str) -> str:
    """The URL of a new database that holds a file of the data."""
    url = await copy_database(postgres, template)
    database = Database(url, 2)
    await import_online_retail(database, DATA / name, _stay_silent)
    await database.close()
    return url


@asynccontextmanager
async def _opened(url: str, data_dir: Path) -> AsyncGenerator[Shop]:
    settings = Settings(database_url=url, broadcast_url="memory://", data_dir=data_dir)
    async with running(settings) as process:
        yield Shop(process)


@pytest.fixture(scope="session")
def sample_url(postgres: str, template: str) -> str:
    """A database with the first 2,000 invoices."""
    with unmeasured():
        return asyncio.run(_import(postgres, template, "online-retail.sample-2000.csv.xz"))


@pytest.fixture(scope="session")
def whole_url(postgres: str, template: str) -> str:
    """A database with all 541,909 lines."""
    with unmeasured():
        return asyncio.run(_import(postgres, template, "online-retail.csv.xz"))


@pytest.fixture(scope="session")
def sample_lines(sample_url: str, tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """Every line of the books of that shop, read through GraphQL."""

    async def read() -> list[Line]:
        async with _opened(sample_url, tmp_path_factory.mktemp("lines")) as shop:
            return await book_lines(shop, ADMIN)

    with unmeasured():
        return asyncio.run(read())


@pytest.fixture
async def sample(sample_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """A shop with the first 2,000 invoices."""
    async with _opened(sample_url, tmp_path) as shop:
        yield shop


@pytest.fixture
async def whole(whole_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """A shop with all 541,909 lines."""
    async with _opened(whole_url, tmp_path) as shop:
        yield shop
