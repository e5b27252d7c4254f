"""Look-ups of one thing each, by operations that know nothing of one another: those that come in the same turn of the
event loop go as one statement.

To send a statement and to receive its rows takes longer than to find them, and a busy server has many of these
(docs/decisions/0022-look-ups-together.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Generic, TypeVar
from uuid import UUID

from db.engine import StatementCount, statement_count

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

MOST = 16
"""How many go together: more gain little, and one connection finds them one after the other."""


class LookUps(Generic[K, T]):
    """Finds things by kinds of look-ups: whatever decides, beside the key, what is found."""

    def __init__(self, find: Callable[[K, Sequence[UUID]], Awaitable[Mapping[UUID, T]]]) -> None:
        """`find` finds by one statement what belongs to several keys, for nobody in particular."""
        self._find = find
        self._open: dict[K, _Batch[T]] = {}

    async def find(self, kind: K, key: UUID) -> T | None:
        """What belongs to a key, if anything. A statement counts once for each operation that has asked."""
        loop = asyncio.get_running_loop()
        batch = self._open.get(kind)
        if batch is None or len(batch.asked) == MOST:
            batch = self._open[kind] = _Batch()
            # What is known of the operation that came first is not true of the others.
            loop.call_soon(self._send, kind, batch, context=Context())
        batch.count()
        future: asyncio.Future[T | None] = loop.create_future()
        batch.asked.append((key, future))
        try:
            return await future
        except asyncio.CancelledError:
            if all(future.done() for _, future in batch.asked):
                # Nobody waits any more.
                batch.answering.cancel()
            raise

    def _send(self, kind: K, batch: "_Batch[T]") -> None:
        if self._open.get(kind) is batch:
            del self._open[kind]
        batch.answering = asyncio.ensure_future(self._answer(kind, batch))

    async def _answer(self, kind: K, batch: "_Batch[T]") -> None:
        """Tell all who still wait what was found, or what went wrong."""
        try:
            found = await self._find(kind, list(dict.fromkeys(key for key, _ in batch.asked)))
        except Exception as error:
            for _, future in batch.asked:
                if not future.done():
                    future.set_exception(error)
        else:
            for key, future in batch.asked:
                if not future.done():
                    future.set_result(found.get(key))


class _Batch(Generic[T]):
    """What goes together: who waits for which key."""

    __slots__ = ("_counts", "answering", "asked")

    answering: asyncio.Future[None]
    """Under way from the next turn on, and so when whoever waits could be cancelled."""

    def __init__(self) -> None:
        self._counts: set[StatementCount] = set()
        self.asked: list[tuple[UUID, asyncio.Future[T | None]]] = []

    def count(self) -> None:
        count = statement_count()
        if count is not None and count not in self._counts:
            self._counts.add(count)
            count.value += 1
