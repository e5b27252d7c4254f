"""In what order the tests run, and what is done around all of them. What they use is in support/fixtures.py."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Generator
from contextlib import nullcontext
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `support` and `factories` are shared by all folders of tests

from support.leaks import fail_on_leaks
from support.loop import Loop
from support.measuring import unmeasured
from support.memory import memory

LONGEST = (
    "test_whole.py",
    "test_serve.py",
    "test_sales.py",
    "test_playground.py",
    "test_serve_stops.py",
    "test_demo.py",
    "test_slow_consumer.py",
    "test_matrix.py",
    "test_http_protocol.py",
    "test_overselling.py",
    "test_login.py",
    "test_clients.py",
    "test_strangers.py",
    "test_live.py",
    "test_schema.py",
    "test_online_retail_again.py",
    "test_wire.py",
    "test_stream.py",
    "test_sheets.py",
    "test_live_across.py",
    "test_corpus.py",
    "test_statements.py",
    "test_again.py",
    "test_faults.py",
    "test_socket_protocol.py",
    "test_ledger_races.py",
    "test_differential.py",
    "test_hashers.py",
    "test_keys.py",
    "test_limits_callers.py",
    "test_socket_limits.py",
    "test_cli.py",
    "test_subscriptions.py",
    "test_oauth.py",
    "test_requests.py",
    "test_rights.py",
    "test_socket_hostile.py",
    "test_online_retail.py",
    "test_login_faults.py",
    "test_passwords.py",
    "test_tokens.py",
    "test_filters.py",
    "test_sse.py",
    "test_thought_up.py",
    "test_sample.py",
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
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        # A process that hands the tests out to others would import the whole server for nothing, while they wait.
        gc.disable()
        config.pluginmanager.import_plugin("support.fixtures")
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
    gc.enable()
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
