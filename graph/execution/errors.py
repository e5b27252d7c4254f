"""What becomes of errors: each stands in its place until all is resolved, then nulls spread as the specification says.

Spec: "Handling Execution Errors", https://spec.graphql.org/September2025/#sec-Handling-Execution-Errors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from graphql import GraphQLError, GraphQLList, GraphQLNonNull, GraphQLOutputType, located_error

if TYPE_CHECKING:
    from graph.execution.plan import Field, Selection
    from graph.execution.run import Run


class Failure:
    """Stands in a row where a value could not be had."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error: Final = error


def no_null(field: "Field") -> TypeError:
    """The error of a null where the type allows none, in graphql-core's words."""
    return TypeError(f"Cannot return null for non-nullable field {field.parent}.{field.name}.")


def settle(field: "Field", row: dict[str, Any], run: "Run", errors: list[GraphQLError]) -> None:
    """Put the final value of a root field into its row, and what went wrong into `errors`, in the document's order.

    Raises:
        GraphQLError: the value is null and its type allows none, so the whole answer is null.
    """
    row[field.key] = _settled(field, field.type, row[field.key], [field.key], run, errors)


def _settled(
    field: "Field",
    graphql_type: GraphQLOutputType,
    value: Any,
    path: list[str | int],
    run: "Run",
    errors: list[GraphQLError],
) -> Any:
    """The value without failures below it."""
    is_required = isinstance(graphql_type, GraphQLNonNull)
    inner: Any = graphql_type.of_type if is_required else graphql_type
    try:
        if value.__class__ is Failure:
            raise located_error(value.error, field.nodes, list(path))  # pyright: ignore[reportArgumentType]  (of any kind)
        if value is None or field.is_leaf_item(inner):
            return value
        if isinstance(inner, GraphQLList):
            return _settled_items(field, inner.of_type, value, path, run, errors)
        _settle_row(field.selection_of(value, run), value, path, run, errors)
    except GraphQLError as error:
        if is_required:
            raise
        errors.append(error)
        return None
    return value


def _settled_items(
    field: "Field",
    item_type: GraphQLOutputType,
    items: Sequence[Any],
    path: list[str | int],
    run: "Run",
    errors: list[GraphQLError],
) -> list[Any]:
    settled: list[Any] = []
    for index, item in enumerate(items):
        path.append(index)
        try:
            settled.append(_settled(field, item_type, item, path, run, errors))
        finally:
            path.pop()
    return settled


def _settle_row(
    selection: "Selection", row: dict[str, Any], path: list[str | int], run: "Run", errors: list[GraphQLError]
) -> None:
    for field in selection.fields:
        path.append(field.key)
        try:
            row[field.key] = _settled(field, field.type, row[field.key], path, run, errors)
        finally:
            path.pop()
