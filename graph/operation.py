"""What happens around each operation: loaders of its own, its number of statements, the codes of errors."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import strawberry
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import StreamExecutionResult
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from graph.context import Context
from graph.errors import present_all
from graph.execution.operations import Operations
from graph.live.subscriber import Operation, Subscriber


class FreshLoaders(SchemaExtension):
    """Gives each operation loaders of its own; a WebSocket makes one context for all its operations."""

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


class ShopSchema(strawberry.Schema):
    """A schema whose errors all carry a code, and that logs only what is worth a line in the log."""

    operations: Operations | None = None
    """The compiled operations; None where graphql-core executes everything."""

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The schema as graphql-core knows it."""
        return self._schema

    async def execute(self, *arguments: Any, context_value: Any = None, **given: Any) -> ExecutionResult:
        """Run a query or a mutation; a subscription takes `stream`."""
        allowed = set(given.pop("allowed_operation_types", None) or OperationType) - {OperationType.SUBSCRIPTION}
        result = await super().execute(
            *arguments, context_value=context_value, allowed_operation_types=allowed, **given
        )
        present_all(result, context_value)
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
            refusal = await super()._prepare_operation_async(context, extensions_runner)
            return refusal or _ambiguous(context)
        except GraphQLError as error:
            return PreExecutionError(data=None, errors=[error])
        except RecursionError:
            error = GraphQLError("The document is nested too deeply.", extensions={"code": "GRAPHQL_PARSE_FAILED"})
            return PreExecutionError(data=None, errors=[error])

    def process_errors(self, errors: Sequence[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: a client's mistake is no event, and a fault is logged with its request id."""


def _ambiguous(context: ExecutionContext) -> PreExecutionError | None:
    """An error where a document has several operations and none is named."""
    definitions = context.graphql_document.definitions if context.graphql_document else ()
    operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    # `operation_name` falls back to the first operation, which is what must not happen.
    if len(operations) > 1 and not context._provided_operation_name:  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        error = GraphQLError("The document has several operations: say which by `operationName`.")
        return PreExecutionError(data=None, errors=[error])
    return None
