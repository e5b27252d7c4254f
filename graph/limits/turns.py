"""How many operations of one caller are executed at once; the next waits for its turn, but not for long."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


class NoTurnError(Exception):
    """So many of a caller's operations are being executed that this one had to be refused."""


WAITING = 10
"""How many times as many may wait as may run: whoever sends much at once is served in turn, and others between."""


@dataclass(slots=True)
class _Line:
    """Of one caller, who has a turn or waits for it."""

    free: asyncio.Semaphore
    inside: int = 0


class Turns:
    """The turns of all callers of this process; only those who have one, or wait for one, take room."""

    def __init__(self, most: int, patience: float, waiting: int | None = None) -> None:
        """`most` operations of a caller run at once; the next wait, each for `patience` seconds.

        So many as `waiting` says may wait; by default ten times as many as may run.
        """
        self.most = most
        self._inside_max = most + (WAITING * most if waiting is None else waiting)
        self._patience = patience
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        """How many callers there are."""
        return len(self._lines)

    async def take(self, caller: str) -> "Turn":
        """A turn, which lasts for as long as the block that it is entered with: `with await turns.take(caller):`.

        Raises:
            NoTurnError: there was none in time.
        """
        line = self._lines.get(caller)
        if line is None:
            line = self._lines[caller] = _Line(asyncio.Semaphore(self.most))
        if line.inside >= self._inside_max:
            raise NoTurnError
        line.inside += 1
        try:
            await self._wait(line)
        except BaseException:
            self._leave(caller, line)
            raise
        return Turn(self._end, caller, line)

    async def _wait(self, line: _Line) -> None:
        if not line.free.locked():
            # No timer for what is free: that is nearly always.
            await line.free.acquire()
            return
        try:
            async with asyncio.timeout(self._patience):
                await line.free.acquire()
        except TimeoutError:
            raise NoTurnError from None

    def _end(self, caller: str, line: _Line) -> None:
        line.free.release()
        self._leave(caller, line)

    def _leave(self, caller: str, line: _Line) -> None:
        line.inside -= 1
        if not line.inside:
            del self._lines[caller]


class Turn:
    """The turn of a caller, until the end of a block. A generator would take longer than what it stands around."""

    __slots__ = ("_caller", "_end", "_line")

    def __init__(self, end: Callable[[str, _Line], None], caller: str, line: _Line) -> None:
        """`end` is told whose turn is over."""
        self._end, self._caller, self._line = end, caller, line

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._end(self._caller, self._line)
