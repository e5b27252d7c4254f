"""Queries and mutations without the library's hooks: the same gates in the same order, and then the executor.

Strawberry runs a chain of extensions around each of four steps of an operation, which takes longer than the gates in
it. It still does for subscriptions, and for all operations where graphql-core executes; tests hold the two ways to one
another.
"""

from collections.abc import Collection
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, cast

from graphql import DocumentNode, GraphQLError, GraphQLSchema
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from graph.context import Context
from graph.execution.executor import CompiledExecutor
from graph.execution.operations import Operations
from graph.execution.run import Run
from graph.limits.documents import Documents, Known
from graph.limits.gates import Gates


@dataclass(slots=True)
class Request:
    """A request, as the specification has it: a document, which of its operations, and what they are given."""

    query: str
    variables: dict[str, Any] | None
    name: str | None
    extensions: dict[str, Any] | None
    allowed: Collection[OperationType]
    """The kinds of operations that may be run."""


class Direct:
    """Executes operations of one schema."""

    def __init__(self, schema: GraphQLSchema, documents: Documents, operations: Operations) -> None:
        self._schema, self._documents, self._operations = schema, documents, operations

    async def execute(self, request: Request, context: Context) -> ExecutionResult:
        """Run a query or a mutation; nothing was run in the context before.

        Raises:
            CannotGetOperationTypeError: the document has no such operation.
            InvalidOperationTypeError: it is of a kind that is not allowed.
        """
        count = context.services.count_statements()
        gates = Gates(self._documents, context)
        try:
            result = await self._through(gates, request, context)
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            raise
        except Exception as error:
            # A refusal of a gate, or a fault: whoever presents errors knows which.
            refused = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            result = PreExecutionError(None, [refused])
        statements = {"statements": count.value} if context.services.expose_statements else {}
        result.extensions = {**statements, **gates.told()}
        return result

    async def _through(self, gates: Gates, request: Request, context: Context) -> ExecutionResult:
        """Through all gates, one after the other, and executed."""
        try:
            known = await gates.read(request.query)
            name = allowed_operation(known, request)
            mistakes = await gates.validate(self._schema)
        except RecursionError:
            return PreExecutionError(None, [nested_too_deeply()])
        if error := ambiguous(len(known.operations), request.name):
            mistakes = mistakes or [error]
        if mistakes:
            return PreExecutionError(None, mistakes)
        price = gates.price(self._schema, name, request.variables)
        async with gates.turn(price):
            result = await self._executed(known.document, name, request, context)
            await gates.settle(price, result, request.variables)
        return result

    async def _executed(
        self, document: DocumentNode, name: str | None, request: Request, context: Context
    ) -> ExecutionResult:
        again = self._operations.again(request.query, name, request.variables or {}, context, request.extensions)
        if again is not None:
            executor, plan = again
            result = await Run(executor).execute(plan)
            return ExecutionResult(result.data, result.errors)
        # The library's own types know more kinds of results than this executor has.
        executor = cast("Any", CompiledExecutor).build(
            self._schema,
            document,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=name,
            is_awaitable=optimized_is_awaitable,
            operation_extensions=request.extensions,
        )
        if isinstance(executor, list):
            # Variables that do not fit their types.
            return ExecutionResult(None, cast("list[GraphQLError]", executor))
        found = executor.execute_operation()
        result = await found if isawaitable(found) else found
        return ExecutionResult(result.data, result.errors)


def allowed_operation(known: Known, request: Request) -> str | None:
    """The name of the operation that is asked for; that of the first, where none is named.

    Raises:
        CannotGetOperationTypeError: the document has no such operation.
        InvalidOperationTypeError: it is of a kind that is not allowed.
    """
    for name, kind in known.operations:
        if request.name is None or name == request.name:
            if kind not in request.allowed:
                raise InvalidOperationTypeError(kind)
            return name
    raise CannotGetOperationTypeError(request.name)


def ambiguous(operations: int, name: str | None) -> GraphQLError | None:
    """An error where a document has several operations and none is named."""
    if name is None and operations > 1:
        return GraphQLError("The document has several operations: say which by `operationName`.")
    return None


def nested_too_deeply() -> GraphQLError:
    """The error of a document that Python cannot walk."""
    return GraphQLError("The document is nested too deeply.", extensions={"code": "GRAPHQL_PARSE_FAILED"})
