"""Work that is done after the answer."""

import asyncio
from collections.abc import Coroutine

import structlog

from domain.refusals import Refused
from domain.throttle import busy

log = structlog.get_logger("orderwire.later")

AT_ONCE = 4
MOST = 200
"""How much may be waiting or under way; it is little data, but a mail server may hang."""


class Later:
    """Runs coroutines, a few at once, in the order in which they came."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def __call__(self, work: Coroutine[object, object, None]) -> None:
        if len(self._tasks) >= MOST:
            work.close()
            raise Refused(busy())
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, patience: float) -> None:
        """Give what is under way so many seconds to end, and give the rest up."""
        if not self._tasks:
            return
        _, left = await asyncio.wait(self._tasks, timeout=patience)
        for task in left:
            task.cancel()
        if left:
            log.warning("left_undone", count=len(left))
            await asyncio.wait(left)

    async def _run(self, work: Coroutine[object, object, None]) -> None:
        try:
            async with self._turns:
                await work
        except Exception:
            log.exception("fault")
        finally:
            # One that was given up before its turn was never begun.
            work.close()
