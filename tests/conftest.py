"""Real servers for the tests: PostgreSQL and Valkey from their wheels, one of each per test process.

`tests/oldest` has another PostgreSQL in the place of the one here.
"""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import nullcontext
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.settings import Settings
from app.wiring import running
from db.base import new_id
from db.embedded import database_url, embedded_server
from db.engine import Database

sys.path.insert(0, str(Path(__file__).parent))  # `support` and `factories` are shared by all folders of tests

from support.databases import commanding, forgetful, make_template, memory
from support.leaks import fail_on_leaks
from support.loop import Loop
from support.measuring import unmeasured
from support.server import CHEAP_PASSWORDS, Server, serving
from support.shop import Shop, with_quick_passwords

SETTINGS = Settings(broadcast_url="memory://", live_poll_seconds=0.2)
"""Of each shop. To read the environment each time would be a good part of the work."""

LONGEST = (
    "test_whole.py",
    "test_serve.py",
    "test_playground.py",
    "test_schema.py",
    "test_matrix.py",
    "test_slow_consumer.py",
    "test_sheets.py",
    "test_online_retail_again.py",
    "test_ledger_races.py",
    "test_login.py",
    "test_differential.py",
    "test_overselling.py",
    "test_http_protocol.py",
    "test_strangers.py",
    "test_clients.py",
    "test_statements.py",
    "test_demo.py",
    "test_cli.py",
    "test_corpus.py",
    "test_faults.py",
    "test_login_faults.py",
    "test_stream.py",
    "test_again.py",
    "test_passwords.py",
    "test_live_across.py",
    "test_live.py",
)
"""The files that take longest, the longest first."""


REPEATED = (
    "test_audit.py",
    "test_clients.py",
    "test_contract.py",
    "test_differential.py",
    "test_filters.py",
    "test_inventory_races.py",
    "test_live.py",
    "test_live_across.py",
    "test_login_faults.py",
    "test_matrix.py",
    "test_oauth_abuse.py",
    "test_orders_races.py",
    "test_paging.py",
    "test_paging_nested.py",
    "test_passwords_resets.py",
    "test_playground.py",
    "test_rights.py",
    "test_shop.py",
    "test_socket_hostile.py",
    "test_statements.py",
    "test_strangers.py",
    "test_subscriptions.py",
    "test_thought_up.py",
)
"""The files that go again and again where other tests have been: to count their lines takes as long as to run them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-access` writes docs/access.md anew, for a person to review."""
    parser.addoption("--write-access", action="store_true", help="write docs/access.md from what is measured")


REPEATING = {"access", "fuzz", "hostile", "oldest", "proofs", "real_data"}
"""The folders of which the same is true."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep to the order above: pytest-xdist would hand out the files with the most tests first."""
    config.option.loadscopereorder = False
    if place := memory():
        # Where servers keep their data durably, which on a disk is most of what the tests of their starts wait for.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many a test waits, for a process to start or for a connection to be given up."""
    return (os.cpu_count() or 1) + 1


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test runs on the event loop that the server runs on."""
    return {"uvloop": Loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no test process is left alone with them at the end."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_collection_finish() -> None:
    """What has been imported by now stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No secret reaches the log, whatever is tested."""
    report = yield
    fail_on_leaks(report)
    return report


@pytest.fixture(scope="module", autouse=True)
def _measured(request: pytest.FixtureRequest) -> Generator[None]:
    """Count lines and branches where something new is run."""
    is_repeated = request.path.name in REPEATED or request.path.parent.name in REPEATING
    with unmeasured() if is_repeated else nullcontext():
        yield


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
