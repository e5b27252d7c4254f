"""Where attempts are counted in this process."""

import bisect
import time
from collections import OrderedDict

from limits.aio.storage import MemoryStorage

MOST = 20_000
"""How many accounts and addresses a process keeps in mind; the ones longest at rest are forgotten first."""


class BoundedMemory(MemoryStorage):
    """Moving windows in memory that is bounded.

    The library's own looks through all keys at each attempt, every one in a thread: under a flood from many addresses
    it would be the flood.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int = MOST) -> None:
        super().__init__()
        self._most = most
        self._moments: OrderedDict[str, list[float]] = OrderedDict()

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        moments = self._alive(key, expiry)
        if len(moments) + amount > limit:
            return False
        self._moments[key] = [*moments, *[time.time()] * amount]
        self._moments.move_to_end(key)
        if len(self._moments) > self._most:
            self._moments.popitem(last=False)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        moments = self._alive(key, expiry)[-limit:]
        return (moments[0] if moments else time.time()), len(moments)

    async def clear(self, key: str) -> None:
        self._moments.pop(key, None)

    def _alive(self, key: str, expiry: int) -> list[float]:
        """The moments of a key that are not over, the oldest first."""
        moments = self._moments.get(key, [])
        return moments[bisect.bisect_left(moments, time.time() - expiry) :]
