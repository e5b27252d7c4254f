"""What becomes of errors: each stands in its place until all is resolved, then nulls spread as the specification says.

Spec: "Handling Execution Errors", https://spec.graphql.org/September2025/#sec-Handling-Execution-Errors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError, located_error

from domain.writing import Written
from graph.execution.plan import Field, Row, Selection, Shape

if TYPE_CHECKING:
    from graph.execution.run import Run


class Failure:
    """Stands where a value could not be had."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def no_null(field: Field) -> TypeError:
    """The error of a null where the type allows none, in graphql-core's words."""
    return TypeError(f"Cannot return null for non-nullable field {field.parent}.{field.name}.")


class Settlement:
    """The pass over an answer in which something failed: in the order of the document, depth first.

    Rows are copied: the same one may stand at several places, each of which has its own errors.
    """

    def __init__(self, run: "Run") -> None:
        self.errors: list[GraphQLError] = []
        self._run = run
        self._path: list[str | int] = []

    def settle(self, field: Field, row: Row) -> None:
        """Put the final value of a field into its row.

        Raises:
            GraphQLError: the value is null, its type allows none, and so its parent has to be null.
        """
        self._path.append(field.key)
        try:
            row[field.key] = self._settled(field, field.shape, row[field.key])
        finally:
            self._path.pop()

    def _settled(self, field: Field, shape: Shape, value: Any) -> Any:
        try:
            if isinstance(value, Failure):
                # What is raised need not be an Exception: graphql-core says so in the message.
                raise located_error(cast("Exception", value.error), field.nodes, [*self._path])
            if value is None or isinstance(value, Written):
                return value
            if shape.item is not None:
                return self._items(field, shape.item, value)
            if not shape.is_leaf:
                return self._row(field.selection or self._run.selection_of(value), value)
        except GraphQLError as error:
            if shape.is_required:
                raise
            self.errors.append(error)
            return None
        return value

    def _items(self, field: Field, shape: Shape, items: Sequence[Any]) -> list[Any]:
        settled: list[Any] = []
        for index, item in enumerate(items):
            self._path.append(index)
            try:
                settled.append(self._settled(field, shape, item))
            finally:
                self._path.pop()
        return settled

    def _row(self, selection: Selection, row: Row) -> Row:
        settled = row.copy()
        for field in selection.fields:
            self.settle(field, settled)
        return settled
