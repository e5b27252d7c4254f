"""An operation that was answered, executed once more as graphql-core does it, and compared."""

from collections import Counter
from enum import StrEnum
from inspect import isawaitable
from typing import Any, cast

import graphql
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.context import Context
from graph.execution.executor import CompiledExecutor
from graph.writing import encoded

Place = tuple[tuple[str | int, ...], tuple[tuple[int, int], ...]]
"""The path of an error in the answer, and its places in the document."""


class Difference(StrEnum):
    """In what two answers differ."""

    DATA = "data"
    ERRORS = "errors"


def query_in(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The operation of a document that was asked for, if it is a query: a mutation is not run again."""
    operation = get_operation_ast(document, name)
    return operation if operation is not None and operation.operation is OperationType.QUERY else None


async def shadowed(
    schema: GraphQLSchema,
    document: DocumentNode,
    name: str | None,
    variables: dict[str, Any] | None,
    context: Context,
    answered: Any,
) -> Difference | None:
    """How the answer to a query differs from that of graphql-core; None where it does not.

    What an answer is made of may have changed meanwhile: only where the compiled execution still answers as it did
    before, it is the execution that differs.
    """

    async def run(executor: type[Any]) -> ExecutionResult:
        result: Any = cast("Any", graphql).execute(
            schema,
            document,
            context_value=context.renewed(),
            variable_values=variables,
            operation_name=name,
            executor_class=executor,
            operation_extensions=None,
        )
        return await result if isawaitable(result) else result

    found = difference(await run(StrawberryGraphQLCoreExecutionContext), answered)
    if found is None or difference(await run(CompiledExecutor), answered) is not None:
        return None
    return found


def difference(reference: Any, answered: Any) -> Difference | None:
    """In what two results differ. Messages count for nothing, and neither do errors below a null.

    What a client is told of a fault is no more than that there was one; and which errors are told below a null is left
    open by the specification (https://spec.graphql.org/September2025/#sec-Handling-Execution-Errors).
    """
    expected, found = (encoded(each.data) for each in (reference, answered))
    if expected != found:
        return Difference.DATA
    errors, others = places(reference.errors), places(answered.errors)
    different = (errors - others) + (others - errors)
    is_outside = any(not is_below_null(reference.data, path) for path, _ in different)
    return Difference.ERRORS if is_outside or bool(errors) != bool(others) else None


def places(errors: Any) -> Counter[Place]:
    """How many errors there are in each place."""
    return Counter(
        (tuple(error.path or ()), tuple((place.line, place.column) for place in error.locations or ()))
        for error in errors or ()
    )


def is_below_null(data: Any, path: tuple[str | int, ...]) -> bool:
    """Whether a null stands above a path; what stands at it is told by its own error."""
    for step in path:
        if data is None:
            return True
        data = data[step]
    return False
