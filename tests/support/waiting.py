"""Waiting for a condition instead of for time."""

import asyncio
import inspect
from collections.abc import Callable

PATIENCE = 10.0
"""Seconds after which a condition counts as never met."""


async def until(holds: Callable[[], object], patience: float = PATIENCE) -> None:
    """Go on as soon as a condition, which may be a coroutine function, holds; it must be within seconds."""
    async with asyncio.timeout(patience):
        while True:
            held = holds()
            if inspect.isawaitable(held):
                held = await held
            if held:
                return
            # Nothing tells of it: it may come true in another task or process.
            await asyncio.sleep(0.002)
