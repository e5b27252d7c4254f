"""What may differ between two answers to one operation: nothing but which errors stand below a null."""

from collections import Counter
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import orjson
import pytest
from graphql import DocumentNode, GraphQLError, execute

from graph.execution.shadow import is_below_null

Told = tuple[str, tuple[str | int, ...], tuple[tuple[int, int], ...]]
"""The message, the path and the places of an error."""


def leaves_coroutines(test: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a test that has graphql-core execute what fails: an error that ends a branch leaves coroutines behind."""
    for mark in (
        pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
        pytest.mark.filterwarnings("ignore:Exception ignored in. <coroutine:pytest.PytestUnraisableExceptionWarning"),
        pytest.mark.usefixtures("collected"),
    ):
        test = mark(test)
    return test


async def executed(schema: Any, document: DocumentNode, variables: dict[str, Any], context: Any) -> Any:
    """The answer to a valid document, executed as Strawberry has it executed."""
    result = execute(
        schema._schema,
        document,
        context_value=context,
        variable_values=variables,
        executor_class=schema.execution_context_class,
        operation_extensions=None,
    )
    return await result if isawaitable(result) else result


def told(errors: list[GraphQLError] | None) -> Counter[Told]:
    return Counter(
        (error.message, tuple(error.path or ()), tuple((place.line, place.column) for place in error.locations or ()))
        for error in errors or ()
    )


def difference(reference: Any, result: Any) -> str | None:
    """What is wrong with a result, measured by that of graphql-core; None where nothing is."""
    expected, found = (orjson.dumps(each.data, default=repr) for each in (reference, result))
    if expected != found:
        return f"data\n{expected.decode()}\n{found.decode()}\n{reference.errors}\n{result.errors}"
    errors, others = told(reference.errors), told(result.errors)
    if bool(errors) != bool(others):
        return f"errors\n{errors}\n{others}"
    different = (errors - others) + (others - errors)
    if outside := [each for each in different if not is_below_null(reference.data, each[1])]:
        return f"errors {outside}\n{errors}\n{others}"
    return None
