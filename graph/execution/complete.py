"""What becomes of the values of a field: rows of the objects, lists of them, and what is found one by one.

Where all values are as expected, they are completed at once. Where one is not (an error, an awaitable, an object of
another class), each is looked at by itself, by the rules of "Value Completion" in the specification:
https://spec.graphql.org/September2025/#sec-Value-Completion.
"""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError, Undefined
from graphql.pyutils.is_iterable import not_iterable_types

from graph.execution.errors import no_null
from graph.execution.kinds import Kinds
from graph.execution.leaves import serialized
from graph.execution.plan import Complete, Field, Row, Rows, Selection, Shape
from graph.execution.rows import column_writer

if TYPE_CHECKING:
    from graph.execution.run import Run

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
        field, shape = self._field, self._field.shape
        if shape.leaf is not None:
            return column_writer(field, self.each)
        if field.selection is not None and shape.item is None:
            return self._objects(field.selection)
        if field.selection is not None and shape.item is not None and shape.item.item is None:
            return self._lists(field.selection)
        return self.each

    def _objects(self, selection: Selection) -> Complete:
        key, known = self._field.key, self._kinds.known(selection.type)
        may_be_null = not self._field.shape.is_required

        def complete(values: Sequence[Any], rows: Sequence[Row], run: "Run") -> None:
            classes = {*map(type, values)}
            if may_be_null and None.__class__ in classes:
                # The rows hold null already.
                rows = [row for row, value in zip(rows, values, strict=True) if value is not None]
                values = [value for value in values if value is not None]
                classes.discard(None.__class__)
            if not classes <= known:
                self.each(values, rows, run)
            elif values:
                # What stands at several places, a warehouse for all the levels in it, say, is one row in all of them.
                identities = list(map(id, values))
                distinct = dict(zip(identities, values, strict=True))
                made = dict(zip(distinct, selection.enter(list(distinct.values()), run), strict=True))
                for row, identity in zip(rows, identities, strict=True):
                    row[key] = made[identity]

        return complete

    def _lists(self, selection: Selection) -> Complete:
        key, known = self._field.key, self._kinds.known(selection.type)

        def complete(values: Sequence[Any], rows: Sequence[Row], run: "Run") -> None:
            if {*map(type, values)} <= LISTS:
                flat = list(chain.from_iterable(values))
                if {*map(type, flat)} <= known:
                    made = iter(selection.enter(flat, run) if flat else ())
                    for row, value in zip(rows, values, strict=True):
                        row[key] = list(islice(made, len(value)))
                    return
            self.each(values, rows, run)

        return complete

    def each(self, values: Sequence[Any], rows: Sequence[Row], run: "Run") -> None:
        """Complete each value by itself, then all objects among them together."""
        found = Found()
        for value, row in zip(values, rows, strict=True):
            self._complete(self._field.shape, value, (row, self._field.key), found, run)
        found.enter(run)

    def _complete(self, shape: Shape, value: Any, place: Place, found: "Found", run: "Run") -> None:
        container, key = place
        if isinstance(value, BaseException):
            container[key] = run.fail(value)
        elif value is None or value is Undefined:
            container[key] = run.fail(no_null(self._field)) if shape.is_required else None
        elif run.later_if_awaitable(value, self._again(shape, place, run)):
            # A null keeps the place.
            pass
        elif shape.item is not None:
            self._complete_list(shape, shape.item, value, place, found, run)
        elif shape.is_leaf:
            container[key] = serialized(shape.named, value, run)
        else:
            try:
                concrete = self._kinds.of(self._field, value, run)
            except Exception as error:
                container[key] = run.fail(error)
            else:
                found.add(self._field.selected(concrete), value, place)

    def _again(self, shape: Shape, place: Place, run: "Run") -> Callable[[Any], None]:
        """What goes on with a value that had to be awaited."""

        def complete(outcome: Any) -> None:
            found = Found()
            self._complete(shape, outcome, place, found, run)
            found.enter(run)

        return complete

    def _complete_list(
        self, shape: Shape, item_shape: Shape, value: Any, place: Place, found: "Found", run: "Run"
    ) -> None:
        container, key = place
        if isinstance(value, AsyncIterable):
            run.later(_collected(cast("AsyncIterable[Any]", value)), self._again(shape, place, run))
            return
        try:
            items = self._items(value)
        except Exception as error:
            container[key] = run.fail(error)
            return
        container[key] = made = [None] * len(items)
        for index, item in enumerate(items):
            self._complete(item_shape, item, (made, index), found, run)

    def _items(self, value: Any) -> list[Any]:
        if not isinstance(value, Iterable) or isinstance(value, not_iterable_types):
            # In graphql-core's words.
            where = f"'{self._field.parent}.{self._field.name}'"
            raise GraphQLError(f"Expected Iterable, but did not find one for field {where}.")
        return list(cast("Iterable[Any]", value))


class Found:
    """Objects that were found one by one, and where their rows belong."""

    def __init__(self) -> None:
        self._by_selection: dict[Selection, tuple[list[Any], list[Place]]] = {}

    def add(self, selection: Selection, value: Any, place: Place) -> None:
        objects, places = self._by_selection.setdefault(selection, ([], []))
        objects.append(value)
        places.append(place)

    def enter(self, run: "Run") -> None:
        """Make their rows, all of one selection together."""
        for selection, (objects, places) in self._by_selection.items():
            for (container, key), row in zip(places, selection.enter(objects, run), strict=True):
                container[key] = row
                run.note(row, selection)


def slow_row_maker(fields: Sequence[Field], type_name: str, kinds: Kinds) -> Rows:
    """The function that makes rows field by field, where it did not work to read all of an object at once."""

    def rows(objects: Sequence[Any], run: "Run") -> list[Row]:
        made: list[Row] = [dict.fromkeys(field.key for field in fields) for _ in objects]
        for field in fields:
            if field.name == "__typename":
                for row in made:
                    row[field.key] = type_name
            elif field.values is None and field.plain is not None:
                Completion(field, kinds).each(called(field.plain, objects), made, run)
            elif field.values is None and field.attribute is not None:
                Completion(field, kinds).each(attributes(objects, field.attribute), made, run)
        return made

    return rows


def attributes(objects: Iterable[Any], name: str) -> list[Any]:
    """An attribute of each object, or the exception that came in its place."""
    return called(lambda each: getattr(each, name), objects)


def called(function: Callable[[Any], Any], objects: Iterable[Any]) -> list[Any]:
    """What a function makes of each object, or the exception that came in its place."""
    found: list[Any] = []
    for each in objects:
        try:
            found.append(function(each))
        except Exception as error:
            found.append(error)
    return found


async def _collected(values: AsyncIterable[Any]) -> list[Any]:
    return [value async for value in values]
