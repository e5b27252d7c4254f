"""What becomes of the values of a field: rows of the objects, lists of them, and what is found one by one.

Where all values are as expected, they are completed at once. Where one is not (a null, an error, an awaitable, an object
of another class), each is looked at by itself, by the rules of "Value Completion" in the specification:
https://spec.graphql.org/September2025/#sec-Value-Completion.
"""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
)
from graphql.pyutils import is_iterable

from graph.execution.errors import no_null
from graph.execution.kinds import Kinds
from graph.execution.leaves import coerced
from graph.execution.plan import Complete, Field, Row, Selection
from graph.execution.rows import column_writer, single_leaf

LISTS = {list, tuple}
"""The classes of lists that are taken apart at once."""

Place = tuple[Any, Any]
"""A row or a list, and the key or the index in it at which a value belongs."""


class Completion:
    """How the values of one field get into rows."""

    def __init__(self, field: Field, kinds: Kinds) -> None:
        self._field, self._kinds = field, kinds

    def function(self) -> Complete:
        """The quickest way for the type of the field."""
        field = self._field
        inner: Any = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        if single_leaf(field) is not None:
            return column_writer(field, self.each)
        if field.selection is not None:
            if isinstance(inner, GraphQLObjectType):
                return self._objects(field.selection)
            item: Any = inner.of_type.of_type if isinstance(inner.of_type, GraphQLNonNull) else inner.of_type
            if isinstance(item, GraphQLObjectType):
                return self._lists(field.selection)
        return self.each

    def _objects(self, selection: Selection) -> Complete:
        key, known = self._field.key, self._kinds.known(selection.type)
        may_be_null = not isinstance(self._field.type, GraphQLNonNull)

        def complete(values: Sequence[Any], rows: Sequence[Row], run: Any) -> None:
            classes = {*map(type, values)}
            if may_be_null and None.__class__ in classes:
                # The rows hold null already.
                rows = [row for row, value in zip(rows, values, strict=True) if value is not None]
                values = [value for value in values if value is not None]
                classes.discard(None.__class__)
            if not classes <= known:
                self.each(values, rows, run)
            elif values:
                for row, made in zip(rows, selection.enter(values, run), strict=True):
                    row[key] = made

        return complete

    def _lists(self, selection: Selection) -> Complete:
        key, known = self._field.key, self._kinds.known(selection.type)

        def complete(values: Sequence[Any], rows: Sequence[Row], run: Any) -> None:
            if {*map(type, values)} <= LISTS:
                flat = list(chain.from_iterable(values))
                if {*map(type, flat)} <= known:
                    made = iter(selection.enter(flat, run) if flat else ())
                    for row, value in zip(rows, values, strict=True):
                        row[key] = list(islice(made, len(value)))
                    return
            self.each(values, rows, run)

        return complete

    def each(self, values: Sequence[Any], rows: Sequence[Row], run: Any) -> None:
        """Complete each value by itself, then all objects among them together."""
        found = Found()
        for value, row in zip(values, rows, strict=True):
            self._complete(self._field.type, value, (row, self._field.key), found, run)
        found.enter(run)

    def _complete(self, graphql_type: GraphQLOutputType, value: Any, place: Place, found: "Found", run: Any) -> None:
        field, (container, key) = self._field, place
        is_required = isinstance(graphql_type, GraphQLNonNull)
        inner: Any = graphql_type.of_type if is_required else graphql_type
        if isinstance(value, BaseException):
            container[key] = run.fail(value)
        elif value is None or value is Undefined:
            container[key] = run.fail(no_null(field)) if is_required else None
        elif run.later_if_awaitable(value, self._again(graphql_type, place, run)):
            pass
        elif isinstance(inner, GraphQLList):
            self._complete_list(graphql_type, inner.of_type, value, place, found, run)
        elif is_leaf_type(inner):
            container[key] = _leaf(inner, value, run)
        else:
            try:
                concrete = self._kinds.of(field, inner, value, run)
            except Exception as error:
                container[key] = run.fail(error)
            else:
                found.add(field.selected(concrete), value, place)

    def _again(self, graphql_type: GraphQLOutputType, place: Place, run: Any) -> Callable[[Any], None]:
        def complete(outcome: Any) -> None:
            found = Found()
            self._complete(graphql_type, outcome, place, found, run)
            found.enter(run)

        return complete

    def _complete_list(
        self,
        graphql_type: GraphQLOutputType,
        item_type: GraphQLOutputType,
        value: Any,
        place: Place,
        found: "Found",
        run: Any,
    ) -> None:
        field, (container, key) = self._field, place
        if isinstance(value, AsyncIterable):
            run.later(_collected(value), self._again(graphql_type, place, run))
            return
        if not is_iterable(value):
            message = f"Expected Iterable, but did not find one for field '{field.parent}.{field.name}'."
            container[key] = run.fail(GraphQLError(message))
            return
        try:
            items: list[Any] = list(value)
        except Exception as error:
            container[key] = run.fail(error)
            return
        container[key] = made = [None] * len(items)
        for index, item in enumerate(items):
            self._complete(item_type, item, (made, index), found, run)


class Found:
    """Objects that were found one by one, and where their rows belong."""

    def __init__(self) -> None:
        self._by_selection: dict[Selection, tuple[list[Any], list[Place]]] = {}

    def add(self, selection: Selection, value: Any, place: Place) -> None:
        objects, places = self._by_selection.setdefault(selection, ([], []))
        objects.append(value)
        places.append(place)

    def enter(self, run: Any) -> None:
        """Make their rows, all of one selection together."""
        for selection, (objects, places) in self._by_selection.items():
            for (container, key), row in zip(places, selection.enter(objects, run), strict=True):
                container[key] = row
                run.note(row, selection)


def rows_slowly(fields: Sequence[Field], type_name: str, kinds: Kinds) -> Callable[[Sequence[Any], Any], list[Row]]:
    """The function that makes rows attribute by attribute, where reading one of them at once did not work."""

    def rows(objects: Sequence[Any], run: Any) -> list[Row]:
        made: list[Row] = [dict.fromkeys(field.key for field in fields) for _ in objects]
        for field in fields:
            if field.name == "__typename":
                for row in made:
                    row[field.key] = type_name
            elif field.attribute is not None and field.values is None:
                Completion(field, kinds).each(attributes(objects, field.attribute), made, run)
        return made

    return rows


def attributes(objects: Iterable[Any], name: str) -> list[Any]:
    """An attribute of each object, or the exception that came in its place."""
    found: list[Any] = []
    for each in objects:
        try:
            found.append(getattr(each, name))
        except Exception as error:
            found.append(error)
    return found


async def _collected(values: AsyncIterable[Any]) -> list[Any]:
    return [value async for value in values]


def _leaf(graphql_type: GraphQLLeafType, value: Any, run: Any) -> Any:
    try:
        return coerced(graphql_type, graphql_type.coerce_output_value(value), value)
    except Exception as error:
        return run.fail(error)

