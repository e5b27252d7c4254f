"""Holds every operation to the limits: before it is parsed, before it is executed, and while it is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from graph.context import Context
from graph.limits.budgets import Budget
from graph.limits.documents import Documents, Known
from graph.limits.pricing import Price
from graph.limits.rules import LimitCode, Limits, refusal
from graph.limits.turns import NoTurnError
from graph.limits.variables import check_variables
from graph.scalars import write_moment

log = structlog.get_logger("orderwire.graph")


class Limited(SchemaExtension):
    """The limits of one operation.

    A subscription is held to those of its document, its variables and its cost, and pays once, when it begins. What it
    is told later costs nothing, for those who watch the same share one execution; how many it may be is for the socket
    to say.
    """

    _known: Known
    _requested = 0
    _actual = 0
    _budget: Budget | None = None
    _caller = ""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        self._known = self._documents.get(self.execution_context.query or "", self._limits)
        if self._known.structure.introspects and not self._context.may_introspect:
            message = "What the schema is like is not told here, or only to those who are signed in."
            raise refusal(LimitCode.INTROSPECTION_REFUSED, message)
        self.execution_context.graphql_document = self._known.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = self._known.validate(self._schema)
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        # Whoever begins pays, and gets back: a sign-in goes on in the name of somebody else.
        self._caller = self._context.caller
        price = self._price()
        if self.execution_context.operation_type is OperationType.SUBSCRIPTION:
            source = self._context.source
            if source is not None and source.is_new:
                await self._pay()
            yield
            return
        seconds = self._limits.report_seconds if price.asks_reports else self._limits.operation_seconds
        clock = asyncio.timeout(seconds)
        try:
            async with clock, self._context.services.turns.turn(self._caller):
                await self._pay()
                yield
                await self._settle(price)
        except TimeoutError:
            if not clock.expired():
                raise
            raise self._took_too_long(seconds) from None
        except NoTurnError:
            raise self._no_turn() from None

    def get_results(self) -> dict[str, Any]:
        if not self._requested or self.execution_context.operation_type is OperationType.SUBSCRIPTION:
            return {}
        cost: dict[str, Any] = {"requested": self._requested, "actual": self._actual}
        if self._budget is not None:
            reset_at = write_moment(self._budget.reset_at)
            cost |= {"limit": self._budget.limit, "remaining": self._budget.remaining, "resetAt": reset_at}
        return {"cost": cost}

    @property
    def _schema(self) -> GraphQLSchema:
        return self.execution_context.schema._schema  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001

    @property
    def _context(self) -> Context:
        return self.execution_context.context

    @property
    def _limits(self) -> Limits:
        return self._context.services.limits

    def _price(self) -> Price:
        """The price of the operation, whose variables are looked at first."""
        execution = self.execution_context
        check_variables(execution.variables, self._limits)
        price = self._known.price(self._schema, execution.operation_name)
        self._requested = price.requested(execution.variables)
        if self._requested > self._limits.cost:
            message = f"The operation may cost {self._requested}, and {self._limits.cost} is the most."
            raise refusal(LimitCode.COST_TOO_HIGH, message, limit=self._limits.cost, found=self._requested)
        return price

    async def _pay(self) -> None:
        """Spend of the caller's budget what the operation may cost."""
        budgets = self._context.services.budgets
        if budgets is not None:
            self._budget = budget = await budgets.take(self._caller, self._requested)
            if budget.wait:
                raise self._spent(budget)
        self._actual = self._requested

    async def _settle(self, price: Price) -> None:
        """Give back what the answer shows not to have been needed.

        Where something failed the answer does not show what was loaded for it, so that all of it is kept.
        """
        result = self.execution_context.result
        data = getattr(result, "data", None)
        if data is None or getattr(result, "errors", None):
            return
        self._actual = min(self._requested, price.actual(data, self.execution_context.variables))
        unused = self._requested - self._actual
        if unused and self._context.services.budgets is not None:
            self._budget = await self._context.services.budgets.give_back(self._caller, unused)

    def _spent(self, budget: Budget) -> GraphQLError:
        wait = round(budget.wait, 3)
        message = f"The operation may cost {self._requested}, and {budget.remaining} are left. Wait {wait} seconds."
        return refusal(
            LimitCode.BUDGET_SPENT,
            message,
            limit=budget.limit,
            requested=self._requested,
            remaining=budget.remaining,
            retryAfter=wait,
        )

    def _no_turn(self) -> GraphQLError:
        most = self._context.services.turns.most
        message = f"{most} operations of yours are running, which is the most. Wait for one of them."
        return refusal(LimitCode.TOO_MANY_OPERATIONS, message, limit=most)

    def _took_too_long(self, seconds: float) -> GraphQLError:
        request_id = self._context.request_id
        log.warning("operation_timed_out", request_id=request_id, seconds=seconds)
        message = f"The operation took longer than {seconds:g} seconds. Request {request_id} is in the log."
        return refusal(LimitCode.OPERATION_TIMEOUT, message, limit=seconds, requestId=request_id)
