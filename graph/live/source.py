"""What a running subscription reads: the events to tell, each of them told once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import structlog

from domain.events.model import Event
from domain.events.ports import EventFeed
from graph.live.results import is_fault, too_slow

log = structlog.get_logger("orderwire.live")

ATTEMPTS = 3
"""How often an event is executed before its fault is told: the database may just have been restarted."""
PAUSE = 0.2
"""Seconds before the next attempt."""

Execution = Callable[[], Awaitable[AsyncGenerator[Any]]]
"""Starts an operation whose results come one by one."""


class Source:
    """The events of one execution.

    `done` is the position up to which all of them were told, `telling` that of the one being told.
    """

    is_new = False

    def __init__(self, feed: EventFeed, seconds: float, done: int = 0) -> None:
        """An event may take so many seconds to be executed."""
        self.done = done
        self.telling: int | None = None
        self._feed, self._seconds = feed, seconds
        self._clock = asyncio.timeout(None)
        self._attempts_left = 0

    def events(self, info: Any, after: str | None) -> AsyncGenerator[Event]:
        """The events, for the resolver of the subscription; `after` is the argument it was given."""
        raise NotImplementedError

    def begin_telling(self) -> None:
        """An event has passed the filter, and is executed now."""

    async def results(self, execute: Execution) -> AsyncGenerator[Any]:
        """The results of the operation that reads this source.

        An event whose execution meets a fault is executed again, and one that breaks the execution itself, or takes too
        long, is told as that and left behind: nobody would ever get past it.
        """
        while True:
            withheld = None
            async with aclosing(await execute()) as execution:
                while (result := await self._next(execution)) is not None:
                    withheld = result if self._attempts_left > 1 and is_fault(result) else None
                    if withheld is None:
                        yield result
                        # An execution that reads nothing waits for nothing, and many may have much to tell.
                        await asyncio.sleep(0)
                    else:
                        self._attempts_left -= 1
                        await self._recover()
            if withheld is not None:
                yield withheld
            if self.telling is None:
                return
            self._leave_behind(self.telling)

    async def _next(self, execution: AsyncGenerator[Any]) -> Any:
        """The next result; None at the end. To wait for an event may take for ever, to execute it may not."""
        try:
            async with asyncio.timeout(None) as self._clock:
                return await anext(execution, None)
        except TimeoutError:
            if not self._clock.expired():
                raise
            log.warning("event_timed_out", position=self.telling, seconds=self._seconds)
            return too_slow(self._seconds)

    async def _recover(self) -> None:
        """Wait until another attempt may help: a database that is away for long must not use them all up."""
        await asyncio.sleep(PAUSE)
        await self._feed.readable()

    def _tell(self, event: Event) -> Iterator[Event]:
        """The event, and once more whenever its execution is to be tried again."""
        self.telling, self._attempts_left = event.position, ATTEMPTS
        tried = 0
        while tried != self._attempts_left:
            tried = self._attempts_left
            self._clock.reschedule(asyncio.get_running_loop().time() + self._seconds)
            yield event
        self._leave_behind(event.position)

    def _leave_behind(self, position: int) -> None:
        self.done, self.telling, self._attempts_left = position, None, 0


class News(Source):
    """What is new, until nobody wants to know any more."""

    is_wanted = True
    on_telling: Callable[[int], None]
    """Called with the position of an event when its execution begins."""

    def begin_telling(self) -> None:
        if self.telling is not None:
            self.on_telling(self.telling)

    async def events(self, info: Any, after: str | None) -> AsyncGenerator[Event]:  # noqa: ARG002  (begins where it is)
        if not self.is_wanted:
            return
        async with aclosing(self._feed.follow(self.done)) as events:
            async for event in events:
                for told in self._tell(event):
                    yield told
                if not self.is_wanted:
                    return
