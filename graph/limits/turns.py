"""How many operations of one caller are executed at once; the next waits for its turn, but not for long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass


class NoTurnError(Exception):
    """So many of a caller's operations are being executed that this one had to be refused."""


WAITING = 10
"""How many times as many may wait as may run: whoever sends much at once is served in turn, and others between."""


@dataclass(slots=True)
class _Line:
    free: asyncio.Semaphore
    inside: int = 0
    """How many have their turn or wait for it."""


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

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncGenerator[None]:
        """Have a turn for as long as the block lasts.

        Raises:
            NoTurnError: there was none in time.
        """
        line = self._lines.setdefault(caller, _Line(asyncio.Semaphore(self.most)))
        if line.inside >= self._inside_max:
            raise NoTurnError
        line.inside += 1
        try:
            await self._wait(line)
            try:
                yield
            finally:
                line.free.release()
        finally:
            line.inside -= 1
            if not line.inside:
                del self._lines[caller]

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
