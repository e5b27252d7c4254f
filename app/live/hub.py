"""The hub: reads each event of the log once per process and hands it to every subscriber."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import structlog

from db.events import EventReader
from domain.events import Event
from domain.opaque import seal, unseal
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
        self.is_overrun = False
        self._limit = limit
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()

    def give(self, event: Event) -> None:
        """Queue an event; past the limit, drop the queue, for the log can be read again."""
        if len(self._events) >= self._limit:
            self.is_overrun = True
            self._events.clear()
        elif not self.is_overrun:
            self._events.append(event)
        self._wake.set()

    async def take(self, until: datetime | None) -> Event | None:
        """The next event, as soon as there is one; None once the subscriber is overrun.

        Raises:
            _TokenEndedError: the moment `until` came first.
        """
        try:
            async with asyncio.timeout(None if until is None else (until - datetime.now(UTC)).total_seconds()):
                while not self._events and not self.is_overrun:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            raise _TokenEndedError from None
        return None if self.is_overrun else self._events.popleft()


class Hub:
    """Follows the log for all subscribers of this process."""

    def __init__(self, reader: EventReader, queue_size: int, poll_seconds: float) -> None:
        """A subscriber may be `queue_size` events behind; the log is read every `poll_seconds` at the latest."""
        self._reader, self._queue_size, self._poll = reader, queue_size, poll_seconds
        self._subscribers: set[Subscriber] = set()
        self._rung = asyncio.Event()
        self._epoch = UUID(int=0)
        self._position = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._epoch = await self._reader.epoch()
        self._position = await self._reader.head()
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
        # Registered before the log is read: what commits meanwhile waits in the queue, so there is no gap between
        # the past and the present; and what was read from the log is not taken from the queue again.
        subscriber = Subscriber(self._position, self._queue_size)
        self._subscribers.add(subscriber)
        last = subscriber.since
        try:
            last = await self._reader.head() if after is None else await self._parse(after)
            while last < subscriber.since and (events := await self._reader.after(last, BATCH)):
                for event in events:
                    _must_last(until)
                    yield event
                    last = event.position
            while True:
                event = await subscriber.take(until)
                if event is None:
                    raise Refused(_resync(), cursor=self._cursor(last))
                if event.position > last:
                    _must_last(until)
                    yield event
                    last = event.position
        except _TokenEndedError:
            raise Refused(_token_ended(), cursor=self._cursor(last)) from None
        finally:
            self._subscribers.discard(subscriber)

    def cursor(self, event: Event) -> str:
        return self._cursor(event.position)

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

    async def _read(self) -> None:
        while events := await self._reader.after(self._position, BATCH):
            for event in events:
                for subscriber in self._subscribers:
                    subscriber.give(event)
                self._position = event.position

    def _cursor(self, position: int) -> str:
        return seal(f"v1.{self._epoch.hex[:8]}.{position}")

    async def _parse(self, cursor: str) -> int:
        """The position in a cursor of this log, which another process may have made and read further than we have."""
        try:
            version, epoch, position = unseal(cursor).split(".")
            wanted = int(position)
            if (version, epoch) == ("v1", self._epoch.hex[:8]) and 0 <= wanted <= await self._head(wanted):
                return wanted
        except ValueError:
            pass
        message = "This is not a cursor of this shop's log. Read the present state and subscribe without one."
        raise Refused(Refusal(ErrorCode.INVALID_CURSOR, message, ("after",)))

    async def _head(self, wanted: int) -> int:
        return self._position if wanted <= self._position else await self._reader.head()


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
