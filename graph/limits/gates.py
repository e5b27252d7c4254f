"""The gates of an operation: before it is parsed, before it is executed, and while it is.

They are the same on both ways to execution: Strawberry's hooks call them (graph/limits/operation.py), and so does the
direct way (graph/direct.py).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSchema

from graph.context import Context
from graph.limits.budgets import Budget
from graph.limits.desk import READING, preparing, spent
from graph.limits.documents import Documents, Known
from graph.limits.pricing import Price
from graph.limits.rules import LimitCode, refusal
from graph.limits.turns import NoTurnError
from graph.limits.variables import check_variables
from graph.scalars import write_moment

log = structlog.get_logger("orderwire.graph")


class Gates:
    """The gates of one operation, to be passed in the order in which they stand here."""

    _known: Known
    _actual = 0
    _budget: Budget | None = None
    _requested = 0

    def __init__(self, documents: Documents, context: Context) -> None:
        """`documents` are those that were seen before; the context says who asks."""
        self._documents, self._context = documents, context
        self._limits, self._budgets = context.services.limits, context.services.budgets
        # Whoever begins pays, and gets back: a sign-in goes on in the name of somebody else.
        self._caller = context.caller

    async def read(self, text: str) -> Known:
        """What is known of the document: of bounded length, tokens and structure. A new one is paid for.

        Raises:
            GraphQLError: it goes beyond a limit, is not GraphQL, or asks what the schema is like and may not. It is
                new, and the budget does not hold what that costs, or there was no turn at the desk.
        """
        if self._documents.is_new(text, self._limits):
            async with preparing(self._context, READING * len(text)):
                known = self._documents.get(text, self._limits)
        else:
            known = self._documents.get(text, self._limits)
        self._known = known
        self._context.fields = known.structure.fields
        if known.structure.introspects and not self._context.may_introspect:
            message = "What the schema is like is not told here, or only to those who are signed in."
            raise refusal(LimitCode.INTROSPECTION_REFUSED, message)
        return known

    async def validate(self, schema: GraphQLSchema) -> list[GraphQLError]:
        """What is wrong with the document.

        Raises:
            GraphQLError: it is new, and there was no turn at the desk.
        """
        if self._known.is_validated:
            return self._known.validate(schema)
        # It was paid for when it was read; a turn of its own lets others between.
        async with preparing(self._context, 0):
            return self._known.validate(schema)

    def price(self, schema: GraphQLSchema, name: str | None, variables: dict[str, Any] | None) -> Price:
        """The price of an operation of the document, whose variables are looked at first.

        Raises:
            GraphQLError: the variables go beyond a limit, or the operation may cost too much.
        """
        check_variables(variables, self._limits)
        price = self._known.price(schema, name)
        self._requested = price.requested(variables)
        if self._requested > self._limits.cost:
            message = f"The operation may cost {self._requested}, and {self._limits.cost} is the most."
            raise refusal(LimitCode.COST_TOO_HIGH, message, limit=self._limits.cost, found=self._requested)
        return price

    @asynccontextmanager
    async def turn(self, price: Price) -> AsyncGenerator[None]:
        """Execute when it is the caller's turn and is paid for, and for no longer than it may take.

        Raises:
            GraphQLError: there was no turn, the budget does not hold the price, or time is up.
        """
        seconds = self._limits.report_seconds if price.asks_reports else self._limits.operation_seconds
        clock = asyncio.timeout(seconds)
        try:
            async with clock:
                with await self._context.services.turns.take(self._caller):
                    await self.pay()
                    try:
                        yield
                    except GraphQLError:
                        # What is raised, and not told in a result, was refused before it was executed.
                        await self._take_back()
                        raise
                    except asyncio.CancelledError:
                        # Loaders read in tasks of their own.
                        await self._context.loaders.give_up()
                        raise
        except TimeoutError:
            if not clock.expired():
                raise
            raise self._took_too_long(seconds) from None
        except NoTurnError:
            raise self._no_turn() from None

    async def pay(self) -> None:
        """Spend of the caller's budget what the operation may cost.

        Raises:
            GraphQLError: it holds less.
        """
        if self._budgets is not None:
            self._budget = budget = await self._budgets.take(self._caller, self._requested)
            if budget.wait:
                raise spent(budget, self._requested, "The operation may cost")
        self._actual = self._requested

    async def settle(self, price: Price, result: Any, variables: dict[str, Any] | None) -> None:
        """Give back what the answer shows not to have been needed.

        Where something failed the answer does not show what was loaded for it, so that all of it is kept.
        """
        data = getattr(result, "data", None)
        if data is None or getattr(result, "errors", None):
            return
        self._actual = min(self._requested, price.actual(data, variables))
        unused = self._requested - self._actual
        if unused and self._budgets is not None:
            self._budget = await self._budgets.give_back(self._caller, unused)

    async def _take_back(self) -> None:
        self._actual = 0
        if self._budgets is not None:
            self._budget = await self._budgets.give_back(self._caller, self._requested)

    @property
    def is_priced(self) -> bool:
        """Whether the operation has come so far that its price is known."""
        return self._requested > 0

    def told(self) -> dict[str, Any]:
        """What the answer tells of the cost; nothing where the operation was not priced."""
        if not self.is_priced:
            return {}
        cost: dict[str, Any] = {"requested": self._requested, "actual": self._actual}
        if self._context.prepared:
            cost["document"] = self._context.prepared
        if self._budget is not None:
            reset_at = write_moment(self._budget.reset_at)
            cost |= {"limit": self._budget.limit, "remaining": self._budget.remaining, "resetAt": reset_at}
        return {"cost": cost}

    def _no_turn(self) -> GraphQLError:
        most = self._context.services.turns.most
        message = f"{most} operations of yours are running, which is the most. Wait for one of them."
        return refusal(LimitCode.TOO_MANY_OPERATIONS, message, limit=most)

    def _took_too_long(self, seconds: float) -> GraphQLError:
        request_id = self._context.request_id
        log.warning("operation_timed_out", request_id=request_id, seconds=seconds)
        message = f"The operation took longer than {seconds:g} seconds. Request {request_id} is in the log."
        return refusal(LimitCode.OPERATION_TIMEOUT, message, limit=seconds, requestId=request_id)
