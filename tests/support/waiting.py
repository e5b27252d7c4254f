"""Waiting for a condition instead of for time."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], Awaitable[bool]], patience: float = 5.0) -> None:
    """Go on as soon as a condition holds, which must be within seconds."""
    async with asyncio.timeout(patience):
        while not await holds():  # noqa: ASYNC110  (nothing tells of it: it may be true in another process)
            await asyncio.sleep(0)
