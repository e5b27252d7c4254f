"""What happens around each operation: loaders of its own, its number of statements, the codes of errors."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import StreamExecutionResult
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from graph.context import Context
from graph.direct import Direct, Request, ambiguous, nested_too_deeply
from graph.errors import present_all
from graph.execution.operations import Operations
from graph.live.subscriber import Operation, Subscriber


class FreshLoaders(SchemaExtension):
    """Gives each execution loaders of its own: a subscription may be executed several times."""

    def on_operation(self) -> Iterator[None]:
        context: Context = self.execution_context.context
        self.execution_context.context = context.renewed()
        yield


class CountStatements(SchemaExtension):
    """Tells in `extensions.statements` how many statements the operation took, where that is switched on."""

    def on_operation(self) -> Iterator[None]:
        self._count = self.execution_context.context.services.count_statements()
        yield

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:  # noqa: ARG002  (a hook)
        yield
        # The next event starts from nothing again.
        self._count.value = 0

    def get_results(self) -> dict[str, Any]:
        if not self.execution_context.context.services.expose_statements:
            return {}
        return {"statements": self._count.value}


SINGLE = frozenset(OperationType) - {OperationType.SUBSCRIPTION}
"""The kinds of operations that have one result."""


class ShopSchema(strawberry.Schema):
    """A schema whose errors all carry a code, and that logs only what is worth a line in the log."""

    operations: Operations | None = None
    """The compiled operations; None where graphql-core executes everything."""
    direct: Direct | None = None
    """What runs queries and mutations; None where the library does, with its hooks."""

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The schema as graphql-core knows it."""
        return self._schema

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Run a query or a mutation; a subscription takes `stream`."""
        allowed = SINGLE if allowed_operation_types is None else SINGLE.intersection(allowed_operation_types)
        if self.direct is not None and query:
            request = Request(query, variable_values, operation_name, operation_extensions, allowed)
            result = await self.direct.execute(request, cast("Context", context_value))
        else:
            given = (root_value, operation_name, allowed, operation_extensions)
            result = await super().execute(query, variable_values, context_value, *given)
        present_all(result, cast("Context", context_value))
        return result

    async def stream(  # pyright: ignore[reportIncompatibleMethodOverride]  (what nobody sends to is an iterator)
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> Subscriber:
        """Run an operation whose results come one by one."""
        stream = super().stream

        def run(operation: Operation, context: Context) -> Any:
            given = (root_value, operation.name, operation_extensions, allowed_operation_types)
            return stream(operation.query, operation.variables, context, *given)

        return Subscriber(run, Operation(query, variable_values, operation_name), cast("Context", context_value))

    async def _prepare_operation_async(
        self, context: ExecutionContext, extensions_runner: SchemaExtensionsRunner
    ) -> PreExecutionError | None:
        # Documents are parsed and validated in hooks, whose errors the library does not expect.
        try:
            if refusal := await super()._prepare_operation_async(context, extensions_runner):
                return refusal
            # `operation_name` falls back to the first operation, which is what must not happen.
            named = context._provided_operation_name  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
            definitions = cast("DocumentNode", context.graphql_document).definitions
            error = ambiguous(sum(isinstance(each, OperationDefinitionNode) for each in definitions), named)
        except GraphQLError as raised:
            error = raised
        except RecursionError:
            error = nested_too_deeply()
        return PreExecutionError(data=None, errors=[error]) if error else None

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: a client's mistake is no event, and a fault is logged with its request id."""
