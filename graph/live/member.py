"""One subscriber among those who share an execution: what it has still to be given, within bounds."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.actor import Actor
from domain.refusals import Refusal
from graph.live.rights import resync

BACKLOG_BYTES = 1 << 20
"""How many bytes may wait for one subscriber, however few events they are."""


@dataclass(frozen=True, slots=True)
class Told:
    """What goes to every member, encoded once; `resync` is the cursor from which one has to begin anew.

    `result` is there for those who encode it themselves. What waits for the others must not hold it: it is many times
    as large as what it is encoded to.
    """

    position: int
    payload: bytes
    result: Any = None
    resync: str | None = None
    _shapes: dict[Callable[[bytes], bytes], bytes] = field(default_factory=dict[Callable[[bytes], bytes], bytes])

    def shaped(self, shape: Callable[[bytes], bytes]) -> bytes:
        """The payload as a transport lays it out, made once for all who ask for the same."""
        made = self._shapes.get(shape)
        if made is None:
            made = self._shapes[shape] = shape(self.payload)
        return made


class Shared(Protocol):
    """What a member is one of."""

    @property
    def done(self) -> int:
        """The position up to which everything was told."""
        ...

    def leave(self, member: "Member") -> None:
        """Give the member nothing more."""
        ...

    def last_word(self, refusal: Refusal, position: int) -> Told:
        """What tells a member, who has taken everything up to a position, why it is given nothing more."""
        ...


class Member:
    """A subscriber that has caught up.

    `deliver` takes a result at once and says whether it could; `wake` is called when there is something to take.
    """

    __slots__ = (
        "_group",
        "_last",
        "_limit",
        "_since",
        "_size",
        "_waiting",
        "deliver",
        "is_ended",
        "keeps_results",
        "timer",
        "viewer",
        "wake",
    )

    def __init__(self, group: Shared, viewer: Actor, since: int, limit: int) -> None:
        """Everything up to the position `since` was told before; at most `limit` events may wait."""
        self.viewer = viewer
        self.deliver: Callable[[Told], bool] = _not_now
        self.wake: Callable[[], object] = _nobody
        self.timer: asyncio.TimerHandle | None = None
        self.is_ended = self.keeps_results = False
        self._group, self._since, self._limit = group, since, limit
        self._waiting: deque[Told] | None = None
        self._size = 0
        self._last: Told | None = None

    @property
    def reached(self) -> int:
        """The position up to which everything was taken."""
        return self._since if self._waiting else max(self._since, self._group.done)

    @property
    def is_over(self) -> bool:
        """Whether there is and will be nothing more to take."""
        return self.is_ended and self._last is None

    def give(self, told: Told) -> None:
        """Give a result: at once where nothing waits, else after what does."""
        if self.is_ended or told.position <= self._since:
            return
        if self._waiting is None and self.deliver(told):
            self._since = told.position
        else:
            self._keep(told)

    def take(self) -> Told | None:
        """The next result, or None while there is none."""
        if self._waiting:
            told = self._waiting.popleft()
            self._size -= len(told.payload)
            self._since = told.position
        else:
            # What never waits needs no queue: there are many who wait for long.
            self._waiting = None
            told, self._last = self._last, None
        return told

    def refuse(self, refusal: Refusal) -> None:
        """Give nothing more, but the reason and the cursor to go on from."""
        self.end(self._group.last_word(refusal, self.reached))

    def end(self, last: Told | None) -> None:
        """Give nothing more, but a last word."""
        self._waiting, self._size, self._last = None, 0, last
        self.leave()
        self.wake()

    def leave(self) -> None:
        """Go, whether or not something is left."""
        self.is_ended = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self._group.leave(self)

    def _keep(self, told: Told) -> None:
        """Let a result wait; past the bounds all are dropped, for the log can be read again."""
        if self._waiting is None:
            self._waiting = deque()
        self._size += len(told.payload)
        if len(self._waiting) >= self._limit or (self._waiting and self._size > BACKLOG_BYTES):
            self.refuse(resync())
        else:
            self._waiting.append(told)
            self.wake()

    async def results(self) -> AsyncGenerator[Any]:
        """Everything there is to take, as it comes."""
        news = asyncio.Event()
        self.wake, self.keeps_results = news.set, True
        try:
            while not self.is_over:
                news.clear()
                while (told := self.take()) is not None:
                    yield told.result
                if not self.is_over:
                    await news.wait()
        finally:
            self.leave()


def _not_now(_told: Told) -> bool:
    """Nobody takes anything at once."""
    return False


def _nobody() -> None:
    """Nobody waits yet; whoever comes looks first whether there is something."""
