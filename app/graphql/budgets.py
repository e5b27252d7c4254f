"""Budgets of callers: buckets that leak, kept by each process, or by one Redis or Valkey for all of them."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graph.limits.budgets import Budget

if TYPE_CHECKING:
    from app.valkey import Valkey

CALLERS_MAX = 20_000
"""How many callers are remembered: a caller who is forgotten begins with a full budget."""

PREFIX = "orderwire:budget:"

# What was spent leaks away; the clock is that of the store, which all processes share. A key is gone when there is
# nothing left to leak.
SCRIPT = """
local cost, capacity, refill = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local held = redis.call('HMGET', KEYS[1], 'spent', 'at')
local spent = math.max(0, (tonumber(held[1]) or 0) - (now - (tonumber(held[2]) or now)) * refill)
local taken = 0
if cost <= 0 or spent + cost <= capacity then
  spent, taken = math.max(0, spent + cost), 1
  redis.call('HSET', KEYS[1], 'spent', tostring(spent), 'at', tostring(now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(spent / refill * 1000) + 1000)
end
return {taken, tostring(spent), tostring(now)}
"""


class MemoryBudgets:
    """The budgets of one process."""

    def __init__(self, capacity: int, refill: int, now: Callable[[], float] = time.time) -> None:
        """Each caller may spend `capacity` at once, and gets `refill` of it back each second."""
        self.capacity, self.refill = capacity, refill
        self._now = now
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._spent)

    async def take(self, caller: str, cost: int) -> Budget:
        """Spend what the budget holds, or nothing."""
        return self.change(caller, cost)

    async def give_back(self, caller: str, cost: int) -> Budget:
        """Undo a part of what was spent."""
        return self.change(caller, -cost)

    def change(self, caller: str, cost: int) -> Budget:
        """Spend, or with a negative cost, undo."""
        now = self._now()
        before, at = self._spent.get(caller, (0.0, now))
        before = max(0.0, before - (now - at) * self.refill)
        if cost > 0 and before + cost > self.capacity:
            return self.budget(before, now, cost)
        spent = max(0.0, before + cost)
        self._spent[caller] = (spent, now)
        self._spent.move_to_end(caller)
        if len(self._spent) > CALLERS_MAX:
            self._spent.popitem(last=False)
        return self.budget(spent, now)

    def budget(self, spent: float, now: float, refused: int = 0) -> Budget:
        """The state of a budget of which so much is spent; `refused` is the cost for which it was too small."""
        wait = (spent + refused - self.capacity) / self.refill if refused else 0
        return Budget(self.capacity, int(self.capacity - spent), now + spent / self.refill, wait)


class SharedBudgets:
    """The budgets of all processes; while the store is away each process counts by itself."""

    def __init__(self, valkey: "Valkey", memory: MemoryBudgets) -> None:
        """`memory` says how large budgets are, and stands in."""
        # Imported here, for most servers count in their own memory.
        from redis.asyncio import Redis

        # Typed by nobody: the library's own types are full of unknowns.
        client: Any = Redis(connection_pool=valkey.pool)
        self._script: Any = client.register_script(SCRIPT)
        self._valkey, self._memory = valkey, memory

    async def take(self, caller: str, cost: int) -> Budget:
        """Spend what the budget holds, or nothing."""
        return await self._change(caller, cost)

    async def give_back(self, caller: str, cost: int) -> Budget:
        """Undo a part of what was spent."""
        return await self._change(caller, -cost)

    async def _change(self, caller: str, cost: int) -> Budget:
        async def together() -> Budget:
            arguments = (cost, self._memory.capacity, self._memory.refill)
            taken, spent, now = await self._script(keys=[PREFIX + caller], args=arguments)
            return self._memory.budget(float(spent), float(now), 0 if taken else cost)

        async def alone() -> Budget:
            return self._memory.change(caller, cost)

        return await self._valkey.ask(together, alone)
