"""Whoever has much to tell lets others have their turn, though it waits for nothing."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from support.waiting import until

from app.live.hub import Hub
from db.events import EventLog
from domain.events.model import AggregateType, Event, EventKind, LogState
from domain.events.ports import EventFeed
from graph.live.source import Source

EVENTS = 1000


class Log(EventLog):
    """A log that has many events at once."""

    def __init__(self) -> None:
        self.head = 0
        self._epoch = uuid4()

    async def after(self, position: int, limit: int) -> list[Event]:
        return [_event(each) for each in range(position + 1, min(self.head, position + limit) + 1)]

    async def state(self) -> LogState:
        return LogState(self._epoch, 0, 0)


def _event(position: int) -> Event:
    moment: Any = None
    kind, what = EventKind.STOCK_LOW, AggregateType.STOCK_LEVEL
    return Event(uuid4(), position, kind, what, uuid4(), 1, {}, None, None, None, moment)


async def turns_of_others(work: Callable[[], Awaitable[None]]) -> int:
    """How often another task has its turn meanwhile."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    await work()
    counting.cancel()
    with suppress(asyncio.CancelledError):
        await counting
    return turns


async def settled() -> None:
    """Nothing waits."""


async def test_a_follower_of_much_that_does_not_concern_it():
    log = Log()
    hub = Hub(log, settled, 0.01)
    await hub.start()
    log.head = EVENTS
    await until(lambda: hub.position == EVENTS)

    async def follow() -> None:
        async for event in hub.follow(0):
            if event.position == EVENTS:
                break

    turns = await turns_of_others(follow)
    await hub.stop()

    assert turns > EVENTS / 50


async def test_an_execution_that_reads_nothing():
    async def execute() -> AsyncGenerator[Any]:
        async def results() -> AsyncGenerator[Any]:
            for _ in range(EVENTS):
                yield SimpleNamespace(errors=None)

        return results()

    async def tell() -> None:
        async for _ in Source(cast("EventFeed", None), 1).results(execute):
            pass

    assert await turns_of_others(tell) > EVENTS / 2
