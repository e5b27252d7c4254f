"""The hub: reads each event of the log once per process, and keeps the newest for all who follow it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import islice
from uuid import UUID

import structlog

from app.background import Background
from db.events import EventLog
from domain.events.model import Event, LogState, cursor_expired, other_log
from domain.refusals import Refused
from graph.live.together import Together

log = structlog.get_logger("orderwire.live")

BATCH = 500
RING = 2048
"""How many of the newest events are kept: who follows closely costs the database nothing."""
AT_ONCE = 32
"""After how many events a follower lets other work have its turn; there may be a thousand followers."""
RETRY = 0.5


class Hub:
    """Follows the log for all subscriptions of this process."""

    def __init__(self, log: EventLog, settle: Callable[[], Awaitable[None]], poll_seconds: float) -> None:
        """The log is read every `poll_seconds` at the latest.

        `settle` gives everything that is committed its place in the log.
        """
        self._log, self._settle, self._poll = log, settle, poll_seconds
        self._ring: deque[Event] = deque(maxlen=RING)
        self._state = LogState(UUID(int=0), 0, 0)
        self._rung = asyncio.Event()
        self._news = asyncio.Event()
        self._background = Background()
        self._may_be_other = False
        self._looking = Together[None, LogState](self._look)
        self.position = 0

    async def start(self) -> None:
        self._state = await self._log.state()
        self.position = self._state.head
        self._background.start(self._run())

    async def stop(self) -> None:
        await self._background.stop()

    def wake(self) -> None:
        """There may be news in the log."""
        self._rung.set()

    async def begin(self, after: str | None) -> int:
        state = await self._looking.ask(None)
        return state.head if after is None else state.position_of(after, "after")

    async def past(self, position: int) -> AsyncGenerator[Sequence[Event]]:
        epoch = self._state.epoch
        while position < self.position:
            events = await self._behind(position)
            self._must_still_be(epoch)
            position = events[-1].position
            yield events

    async def follow(self, position: int) -> AsyncGenerator[Event]:
        epoch = self._state.epoch
        while True:
            async for events in self.past(position):
                for event in events:
                    yield event
                    position = event.position
                    if position % AT_ONCE == 0:
                        await asyncio.sleep(0)
            # Nothing is awaited between the last look at the position and this.
            self._must_still_be(epoch)
            await self._news.wait()
            self._must_still_be(epoch)

    async def _look(self, _asked: set[None]) -> LogState:
        """The log, with all that is committed: to those who come it is the past, though it may wait for its place."""
        await self._settle()
        return await self._log.state()

    async def readable(self) -> None:
        await self._read(self.position)

    def cursor(self, position: int) -> str:
        return self._state.cursor(position)

    async def _behind(self, position: int) -> Sequence[Event]:
        """The next events behind a position that is not the newest: from the ring or, further back, from the log."""
        if self._ring and self._ring[0].position <= position + 1:
            # Positions are dense.
            first = position + 1 - self._ring[0].position
            return list(islice(self._ring, first, first + BATCH))
        events = await self._read(position)
        if not events or events[0].position != position + 1:
            raise Refused(cursor_expired())
        return events

    async def _read(self, position: int) -> list[Event]:
        """Events behind a position, however long the database may be away."""
        while True:
            try:
                return await self._log.after(position, BATCH)
            except Exception as error:
                log.warning("log_unreadable", error=repr(error))
                await asyncio.sleep(min(self._poll, RETRY))

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self._read_on()
            except Exception as error:
                # The database may be away for a while. Nothing is lost: the log is read from the same place again.
                log.warning("log_unreadable", error=repr(error))
                self._may_be_other = True
                await asyncio.sleep(min(self._poll, RETRY))
                self._rung.set()

    async def _read_on(self) -> None:
        if self._may_be_other:
            await self._compare()
            self._may_be_other = False
        is_behind = True
        while is_behind:
            events = await self._log.after(self.position, BATCH)
            # Of what is committed from now on somebody tells; to look for it again would double the statements.
            is_behind = len(events) == BATCH
            if events:
                self._take(events)

    def _take(self, events: Sequence[Event]) -> None:
        if events[0].position != self.position + 1:
            # Some were dropped before they were read here: what is kept must have no hole.
            self._ring.clear()
        self._ring.extend(events)
        self.position = events[-1].position
        self._tell()

    def _must_still_be(self, epoch: UUID) -> None:
        if self._state.epoch != epoch:
            raise Refused(other_log())

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _compare(self) -> None:
        """After an outage the database may be another one, whose positions mean other events: then all must go."""
        # Where it is another one, it gets another epoch by this.
        await self._settle()
        state = await self._log.state()
        is_other = state.epoch != self._state.epoch
        self._state = state
        if is_other:
            self._ring.clear()
            self.position = state.head
            self._tell()
