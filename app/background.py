"""A task that runs beside the requests, from the start of the process to its end."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress


class Background:
    """One task, started once and ended on demand."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self.is_stopping = False

    def start(self, work: Coroutine[object, object, None]) -> None:
        self._task = asyncio.create_task(work)

    async def stop(self) -> None:
        """Cancel the work, and wait until it has ended."""
        self.is_stopping = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
