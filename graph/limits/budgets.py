"""What each caller may spend: a bucket that leaks, and what an operation puts into it."""

from datetime import UTC, datetime
from typing import NamedTuple, Protocol


class Budget(NamedTuple):
    """What a caller may still spend."""

    limit: int
    remaining: int
    resets: float
    """When all of it may be spent again, if nothing is until then, in seconds since 1970."""
    wait: float = 0
    """Seconds after which what was refused would be taken; 0 where it was."""

    @property
    def reset_at(self) -> datetime:
        """When it resets: most budgets are asked for their state, and not for this."""
        return datetime.fromtimestamp(self.resets, UTC)


class Budgets(Protocol):
    """The budgets of all callers."""

    async def take(self, caller: str, cost: int) -> Budget:
        """Spend of a caller's budget what it holds; where it holds less, nothing is spent and `wait` tells how long."""
        ...

    async def give_back(self, caller: str, cost: int) -> Budget:
        """Undo a part of what was spent."""
        ...
