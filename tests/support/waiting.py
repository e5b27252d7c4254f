"""Waiting for a condition instead of for time, and having time pass where time is what is waited for."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

PATIENCE = 60.0
"""Seconds after which a condition counts as never met: many, for a machine may be slow and have much to do besides."""


async def until(holds: Callable[[], object], patience: float = PATIENCE) -> None:
    """Go on as soon as a condition, which may be a coroutine function, holds; it must be within a minute."""
    async with asyncio.timeout(patience):
        while True:
            held = holds()
            if inspect.isawaitable(held):
                held = await held
            if held:
                return
            # Nothing tells of it: it may come true in another task or process.
            await asyncio.sleep(0.002)


def pass_time(seconds: float) -> None:
    """Have so much time pass at once for the timers that this event loop has."""
    loop: Any = asyncio.get_running_loop()
    loop.pass_time(seconds)
