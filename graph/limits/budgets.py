"""What each caller may spend: a bucket that leaks, and what an operation puts into it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Budget:
    """What a caller may still spend."""

    limit: int
    remaining: int
    reset_at: datetime
    """When all of it may be spent again, if nothing is until then."""
    wait: float = 0
    """Seconds after which what was refused would be taken; 0 where it was."""


class Budgets(Protocol):
    """The budgets of all callers."""

    async def take(self, caller: str, cost: int) -> Budget:
        """Spend of a caller's budget what it holds; where it holds less, nothing is spent and `wait` tells how long."""
        ...

    async def give_back(self, caller: str, cost: int) -> Budget:
        """Undo a part of what was spent."""
        ...
