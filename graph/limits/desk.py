"""The desk, where what is new is prepared: documents are read, validated and compiled here, one after the other.

What that takes is decided by who sends them, and nothing else of the event loop runs meanwhile. So it is paid for, and
whoever brings much waits behind themselves: others who bring something new are served between, and whoever brings
what is known does not come here.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from graphql import GraphQLError

from graph.context import Context
from graph.limits.budgets import Budget
from graph.limits.rules import LimitCode, refusal
from graph.limits.turns import NoTurnError, Turns

READING = 2
"""What a character of a new document costs, which is read and validated."""

COMPILING = 10
"""What a field of a new plan costs, with those of fragments wherever they are spread."""

BUSY = "Too many new documents are waiting to be read. Send fewer at once; those that were sent before need not wait."


class Desk:
    """Prepares one thing at a time, and rests after each for as long as it took."""

    REST_MAX = 0.1
    """The longest rest in seconds: a machine that stood still was not at work."""

    def __init__(self, waiting: int, patience: float) -> None:
        """Of one caller so many may wait, each for `patience` seconds at the most."""
        self._turns, self._patience = Turns(1, patience, waiting), patience
        self._free = asyncio.Lock()

    @property
    def is_taken(self) -> bool:
        """Whether something is being prepared, or was just now."""
        return self._free.locked()

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncGenerator[None]:
        """Have the desk for as long as the block lasts, which must not wait for anything.

        Raises:
            NoTurnError: there was no turn in time.
        """
        # Of each caller one is in the line, which is served as it comes: callers take turns.
        with await self._turns.take(caller):
            try:
                async with asyncio.timeout(self._patience):
                    await self._free.acquire()
            except TimeoutError:
                raise NoTurnError from None
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                yield
            finally:
                # Whoever was here goes on at once; it is the next who waits, while everybody else is served.
                loop.call_later(min(loop.time() - began, self.REST_MAX), self._free.release)


@asynccontextmanager
async def preparing(context: Context, cost: int) -> AsyncGenerator[None]:
    """Prepare something new within the block, when it is the caller's turn and is paid for.

    No more is charged than an operation may cost: that is what every budget holds. A subscription that is executed
    again has paid.

    Raises:
        GraphQLError: the budget holds less, or there was no turn.
    """
    services = context.services
    if services.budgets is not None and (context.source is None or context.source.is_new):
        cost = min(cost, services.limits.cost)
        budget = await services.budgets.take(context.caller, cost)
        if budget.wait:
            raise spent(budget, cost, "To prepare what is new in the document costs")
        context.prepared += cost
    try:
        async with services.desk.turn(context.caller):
            yield
    except NoTurnError:
        raise refusal(LimitCode.TOO_MANY_OPERATIONS, BUSY) from None


def spent(budget: Budget, requested: int, what: str) -> GraphQLError:
    """The error of what a budget does not hold."""
    wait = round(budget.wait, 3)
    return refusal(
        LimitCode.BUDGET_SPENT,
        f"{what} {requested}, and {budget.remaining} are left. Wait {wait} seconds.",
        limit=budget.limit,
        requested=requested,
        remaining=budget.remaining,
        retryAfter=wait,
    )
