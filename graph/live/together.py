"""One answer for many who ask at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """Whoever asks while an answer is under way shares the next with all who do: after a restart thousands come."""

    def __init__(self, answer: Callable[[set[Q]], Awaitable[A]]) -> None:
        self._answer = answer
        self._asked: set[Q] = set()
        self._this: asyncio.Task[A] | None = None
        self._next: asyncio.Task[A] | None = None

    async def ask(self, question: Q) -> A:
        """An answer that was begun after this was asked."""
        self._asked.add(question)
        if self._next is None:
            self._next = asyncio.create_task(self._run(self._this))
            # Those who wait for it see its error; they may all have gone by then.
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._next)

    async def _run(self, before: asyncio.Task[A] | None) -> A:
        if before is not None:
            await asyncio.wait([before])
        asked, self._asked = self._asked, set()
        self._this, self._next = self._next, None
        return await self._answer(asked)
