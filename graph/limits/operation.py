"""Holds every operation that Strawberry executes to the limits, by its hooks."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from graphql import GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from graph.context import Context
from graph.limits.documents import Documents
from graph.limits.gates import Gates


class Limited(SchemaExtension):
    """The gates of one operation.

    A subscription is held to those of its document, its variables and its cost, and pays once, when it begins. What it
    is told later costs nothing, for those who watch the same share one execution; how many it may be is for the socket
    to say.
    """

    _gates: Gates

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents

    def on_operation(self) -> Iterator[None]:
        self._gates = Gates(self._documents, self._context)
        yield

    async def on_parse(self) -> AsyncIterator[None]:
        known = await self._gates.read(self.execution_context.query or "")
        self.execution_context.graphql_document = known.document
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        self.execution_context.pre_execution_errors = await self._gates.validate(self._schema)
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        execution = self.execution_context
        price = self._gates.price(self._schema, execution.operation_name, execution.variables)
        if execution.operation_type is OperationType.SUBSCRIPTION:
            source = self._context.source
            if source is not None and source.is_new:
                await self._gates.pay()
            yield
            return
        async with self._gates.turn(price):
            yield
            await self._gates.settle(price, execution.result, execution.variables)

    def get_results(self) -> dict[str, Any]:
        # Asked of a document that is none, too.
        if self._gates.is_priced and self.execution_context.operation_type is not OperationType.SUBSCRIPTION:
            return self._gates.told()
        return {}

    @property
    def _schema(self) -> GraphQLSchema:
        return self.execution_context.schema._schema  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001

    @property
    def _context(self) -> Context:
        return self.execution_context.context
