"""The hub: reads each event of the log once per process and hands it to every subscriber."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import structlog

from db.events import EventLog
from domain.events.model import Event, LogState, cursor_expired, other_log
from domain.refusals import ErrorCode, Refusal, Refused

log = structlog.get_logger("orderwire.live")

BATCH = 500


class _TokenEndedError(Exception):
    """The access token of a subscriber has ended."""


class Subscriber:
    """What one subscriber has still to be given: a bounded queue, so that a slow one harms only itself."""

    def __init__(self, since: int, limit: int) -> None:
        """`since` is the position of the newest event that will not come through the queue."""
        self.since = since
        self.ended_by: Refusal | None = None
        self._limit = limit
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()

    def give(self, event: Event) -> None:
        """Queue an event; past the limit, drop the queue, for the log can be read again."""
        if len(self._events) >= self._limit:
            self.end(_resync())
        elif self.ended_by is None:
            self._events.append(event)
        self._wake.set()

    def end(self, why: Refusal) -> None:
        """Give nothing more, but the reason."""
        self.ended_by = why
        self._events.clear()
        self._wake.set()

    async def take(self, until: datetime | None) -> Event | None:
        """The next event, as soon as there is one; None once the subscriber was ended.

        Raises:
            _TokenEndedError: the moment `until` came first.
        """
        try:
            async with asyncio.timeout(None if until is None else (until - datetime.now(UTC)).total_seconds()):
                while not self._events and self.ended_by is None:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            raise _TokenEndedError from None
        return self._events.popleft() if self._events else None


class Hub:
    """Follows the log for all subscribers of this process."""

    def __init__(
        self, log: EventLog, settle: Callable[[], Awaitable[None]], queue_size: int, poll_seconds: float
    ) -> None:
        """A subscriber may be `queue_size` events behind; the log is read every `poll_seconds` at the latest.

        `settle` gives everything that is committed its place in the log.
        """
        self._log, self._settle, self._queue_size, self._poll = log, settle, queue_size, poll_seconds
        self._subscribers: set[Subscriber] = set()
        self._rung = asyncio.Event()
        self._state = LogState(UUID(int=0), 0, 0)
        self._position = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._state = await self._log.state()
        self._position = self._state.head
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """There may be news in the log."""
        self._rung.set()

    async def follow(self, after: str | None, until: datetime | None) -> AsyncGenerator[Event]:
        if after is None:
            # What was committed before somebody came is the past to them, though it may still wait for its place.
            await self._settle()
        state = await self._log.state()
        last = state.head if after is None else state.position_of(after, "after")
        # What comes from now on waits in the queue, what came up to now is read from the log: there is no gap.
        subscriber = Subscriber(self._position, self._queue_size)
        self._subscribers.add(subscriber)
        try:
            async for event in self._past(last, subscriber):
                _must_last(until)
                yield event
                last = event.position
            while (event := await subscriber.take(until)) is not None:
                if event.position > last:
                    _must_last(until)
                    yield event
                    last = event.position
            raise Refused(subscriber.ended_by or _resync(), cursor=self._state.cursor(last))
        except _TokenEndedError:
            raise Refused(_token_ended(), cursor=self._state.cursor(last)) from None
        finally:
            self._subscribers.discard(subscriber)

    def cursor(self, event: Event) -> str:
        return self._state.cursor(event.position)

    async def _past(self, last: int, subscriber: Subscriber) -> AsyncGenerator[Event]:
        """What the log holds between a position and the first event that comes through the queue."""
        while last < subscriber.since and (events := await self._log.after(last, BATCH)):
            # Positions are dense: where one is missing, it was dropped while we read.
            if events[0].position != last + 1:
                raise Refused(cursor_expired())
            for event in events:
                yield event
            last = events[-1].position

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self._read()
            except Exception as error:
                # The database may be away for a while. Nothing is lost: the log is read from the same place again.
                log.warning("log_unreadable", error=repr(error))
                await asyncio.sleep(min(self._poll, 0.5))
                with suppress(Exception):
                    await self._compare()

    async def _read(self) -> None:
        while events := await self._log.after(self._position, BATCH):
            for event in events:
                for subscriber in self._subscribers:
                    subscriber.give(event)
                self._position = event.position

    async def _compare(self) -> None:
        """After an outage the database may be another one, whose positions mean other events: then all must go."""
        state = await self._log.state()
        if state.epoch != self._state.epoch:
            for subscriber in self._subscribers:
                subscriber.end(other_log())
            self._position = state.head
        self._state = state


def _must_last(until: datetime | None) -> None:
    """Waiting notices by itself that a token ends; where there is always another event, nobody waits."""
    if until is not None and until <= datetime.now(UTC):
        raise _TokenEndedError


def _token_ended() -> Refusal:
    message = "Your access token has ended. Subscribe again with a new one, and `after` the cursor in `extensions`."
    return Refusal(ErrorCode.UNAUTHENTICATED, message)


def _resync() -> Refusal:
    message = "You fell too far behind. Subscribe again with `after` the cursor in `extensions`."
    return Refusal(ErrorCode.RESYNC, message)
