"""A client that stops reading costs the server little and the others nothing, and loses nothing itself."""

import asyncio
import time
from collections.abc import Callable, Generator
from pathlib import Path

import orjson
import psutil
import pytest
from sqlalchemy import text
from support.bare import bare
from support.followers import Follower
from support.log import settle
from support.processes import Serving, serving
from support.waiting import until
from websockets.frames import Opcode

from db.engine import Database
from db.events import EventLog
from domain.events.model import EventKind

EVENTS = 10_000
AT_ONCE = 500
WARM = 3
COST = 2_000_000
"""Bytes that a client which stops reading may cost."""

PASSWORD = "a-password-of-the-proof"
WATCH = "subscription ($after: String) { orderStatusChanged(after: $after) { cursor reason } }"

WRITE = f"""
INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind, payload)
SELECT 'ORDER', gen_random_uuid(), 1, '{EventKind.ORDER_STATUS_CHANGED}',
  jsonb_build_object('from', 'PENDING', 'to', 'APPROVED', 'reason', :name || n)
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
"""


@pytest.fixture
def server(fresh_url: str, tmp_path: Path) -> Generator[Serving]:
    settings = {"database_url": fresh_url, "admin_password": PASSWORD, "seed": False, "live_poll_seconds": 0.05}
    with serving(tmp_path, **settings) as server:
        server.ready()
        yield server


class Pour:
    """Pours events into the log of a server, and has somebody read them as they come."""

    def __init__(self, server: Serving, token: str, database: Database) -> None:
        self._server, self._token, self._database = server, token, database
        self._process = psutil.Process(server.process.pid)

    async def event(self, name: str, first: int = 1, last: int = 1) -> None:
        await self._database.execute(text(WRITE), {"name": name, "first": first, "last": last})

    async def cursor(self) -> str:
        """Where the log ends."""
        await settle(self._database)
        state = await EventLog(self._database).state()
        return state.cursor(state.head)

    def follower(self, name: str, after: str) -> Follower:
        return Follower(name, [socket_url(self._server)], self._token, WATCH, after=after)

    async def all(self, name: str) -> tuple[float, int]:
        """Events that somebody is told of; the seconds that took, and the most memory that the server had meanwhile."""
        follower = self.follower(name, await self.cursor())
        following = asyncio.create_task(follower.follow(lambda event: event["reason"] == f"{name}{EVENTS}"))
        await self.event(name, 0, 0)
        await until(lambda: follower.told)
        begun, most = time.monotonic(), 0
        for first in range(1, EVENTS + 1, AT_ONCE):
            await self.event(name, first, first + AT_ONCE - 1)
        while not (await asyncio.wait({following}, timeout=0.01))[0]:
            most = max(most, self._process.memory_info().rss)
        assert [event["reason"] for event in follower.told] == [f"{name}{n}" for n in range(EVENTS + 1)]
        return time.monotonic() - begun, most


def socket_url(server: Serving) -> str:
    return server.url.replace("http", "ws")


async def test_a_client_that_stops_reading_costs_little_and_loses_nothing(
    server: Serving, database: Database, record_property: Callable[[str, object], None]
):
    token = await asyncio.to_thread(server.sign_in, "admin", PASSWORD) or ""
    pour = Pour(server, token, database)
    # By then the server has taken from its host what it needs for so many events, whoever reads them.
    for _ in range(WARM):
        await pour.all("warm")
    took_alone, most_alone = await pour.all("alone")

    async with bare(socket_url(server)) as sleeper:
        frames = sleeper.frames()
        await sleeper.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
        await sleeper.send(type="subscribe", id="1", payload={"query": WATCH})
        assert orjson.loads((await anext(frames)).data) == {"type": "connection_ack"}
        waking = asyncio.ensure_future(anext(frames))
        while not (await asyncio.wait({waking}, timeout=0.2))[0]:
            await pour.event("early")
        took_beside, most_beside = await pour.all("beside")
        told = [orjson.loads(frame.data) async for frame in frames if frame.opcode is Opcode.TEXT]

    # Whoever sleeps for long is cut off, and does not read the word at the end; it goes on from what it read last.
    heard = [each["payload"]["data"]["orderStatusChanged"] for each in told if each["payload"]["data"] is not None]
    follower = pour.follower("sleeper", heard[-1]["cursor"])
    await follower.follow(lambda event: event["reason"] == f"beside{EVENTS}")

    slept = [event for event in [*heard, *follower.told] if event["reason"].startswith("beside")]
    assert follower.told
    assert [event["reason"] for event in slept] == [f"beside{n}" for n in range(EVENTS + 1)]
    assert len({event["cursor"] for event in slept}) == EVENTS + 1
    assert most_beside - most_alone < COST
    record_property("told before it was dropped", len(heard))
    record_property("cost", f"{(most_beside - most_alone) / 1000:.0f} kB")
    record_property("the other alone", f"{took_alone:.1f} s")
    record_property("beside it", f"{took_beside:.1f} s")
