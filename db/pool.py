"""The pool: connections that wait for their next statement.

Giving one out and taking it back are plain calls, which costs less than the statement does
(docs/decisions/0017-plain-rows.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.exc import TimeoutError as WaitedTooLong

FAREWELL = 2.0
"""Seconds that a connection has to end what was given up on it."""

PATIENCE = 30.0
"""Seconds that a caller waits for a connection while all are out."""


class Pool:
    """At most `size` connections. The last one that came back is the first to go out, and who waits is served in turn.

    What is given back must be as it was: nothing is reset here.
    """

    __slots__ = ("_connect", "_idle", "_is_closed", "_patience", "_places", "_size", "taken")

    def __init__(self, connect: Callable[[], Awaitable[Any]], size: int, patience: float = PATIENCE) -> None:
        """`connect` makes a connection of asyncpg; callers wait for one for `patience` seconds."""
        self._connect, self._size, self._patience = connect, size, patience
        self._places = asyncio.Semaphore(size)
        self._idle: list[Any] = []
        self._is_closed = False
        self.taken = 0
        """How many connections are out, or on their way."""

    async def take(self) -> Any:
        """A connection that is open as far as this side knows, which takes no round trip.

        Raises:
            WaitedTooLong: all connections were out for longer than callers wait.
        """
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        self.taken += 1
        try:
            while self._idle:
                connection = self._idle.pop()
                # The driver knows at once when its socket closes, as it does when the server is restarted.
                if not connection.is_closed():
                    return connection
                connection.terminate()
            return await self._connect()
        except BaseException:
            self._leave()
            raise

    def give_back(self, connection: Any) -> None:
        """Take back what was given out. A closed connection makes room for another."""
        if self._is_closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)
        self._leave()

    async def close(self) -> None:
        """Close what waits. What is out is closed when it comes back."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*map(end, idle))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            message = f"All {self._size} connections were out for {self._patience:g} s."
            raise WaitedTooLong(message) from None

    def _leave(self) -> None:
        self.taken -= 1
        self._places.release()


async def end(connection: Any) -> None:
    """Close a connection, which first tells the server to give up what it does."""
    try:
        await connection.close(timeout=FAREWELL)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, Exception):
            raise
