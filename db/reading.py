"""How lists are read: row filter, comparisons, keyset pages. One class serves every table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar, cast, overload
from uuid import UUID

import orjson
from sqlalchemy import Column, ColumnElement, Integer, Select, Table, any_, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from db.engine import Database
from db.statements import Row, compiled_once, later, with_keys, with_keys_of
from domain.actor import Actor
from domain.opaque import seal, unseal
from domain.reading import Compare, Filters, Page, PageRequest, Sort
from domain.refusals import Refused, bad_input

T = TypeVar("T")

COMPARISONS = tuple(each.name for each in fields(Compare))

LIKE = ("starts_with", "contains")
"""The comparisons with a part of a text."""

VALUES = frozenset({"eq", "in_"})
"""The comparisons with all of a value."""

BOUNDS = frozenset({"eq", "gt", "gte", "lt", "lte"})
"""The comparisons that cut one piece out of an order."""

DIGITS_MAX = 1000
"""No amount of ours is as long; one in a forged cursor could be."""

Outline = tuple[tuple[str, tuple[str, ...]], ...]
"""What of filters decides the text of a statement: which comparisons with which fields, and not with what."""


SIZE: ColumnElement[int] = later("size", Integer)
"""How many rows a page has at most, given each time."""


class Window(NamedTuple):
    """What of the request for a page decides the text of its statement: which ends are given, and where it begins."""

    after: bool
    before: bool
    backwards: bool

    @classmethod
    def of(cls, page: PageRequest) -> Self:
        return cls(page.after is not None, page.before is not None, page.backwards)


class TableReader(Generic[T]):
    """Reads the rows of one table that a viewer may see.

    Every statement takes its own connection for its own duration: loaders run side by side, and a connection
    carries one statement at a time.
    """

    table: ClassVar[Table]
    sorts: ClassVar[Mapping[str, Column[Any]]]
    """Columns a list may be ordered by; never NULL, or their rows would fall out of the pages."""
    filters: ClassVar[Mapping[str, ColumnElement[Any]]]

    def __init__(self, database: Database) -> None:
        self._database = database
        self._with_keys = compiled_once(self._select_with_keys)
        self._pages = compiled_once(self._select_page)
        self._counts = compiled_once(self._select_count)

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        """Which rows of the table a viewer may see, by their rights and id: it is asked once for all who are alike."""
        raise NotImplementedError

    def build(self, row: Row) -> T:
        """What the domain calls a row."""
        raise NotImplementedError

    def joined(self, query: Select[Any]) -> Select[Any]:
        """The query with the other tables whose columns it filters or orders by."""
        return query

    def select(self, viewer: Actor) -> Select[Any]:
        return self.joined(select(self.table)).where(self.visible_to(viewer))

    async def by_ids(self, viewer: Actor, ids: Sequence[UUID]) -> Mapping[UUID, T]:
        return await self.by_key(viewer, self.table.c.id, ids)

    async def by_key(self, viewer: Actor, column: Column[Any], keys: Sequence[Any]) -> dict[Any, T]:
        """Rows by a unique column."""
        build, name = self.build, column.key
        rows = await self._database.fetch(*self._with_keys(viewer, {"keys": keys}, column.key))
        return {row[name]: build(row) for row in rows}

    async def page(self, viewer: Actor, filters: Filters, sort: Sort, page: PageRequest) -> Page[T]:
        keyset = self.keyset(sort)
        values = keyset.values(page) | values_of(filters)
        statement = self._pages(viewer, values, outline(filters), sort, Window.of(page))
        return keyset.page(await self._database.fetch(*statement), page, self.build)

    async def count(self, viewer: Actor, filters: Filters) -> int:
        rows = await self._database.fetch(*self._counts(viewer, values_of(filters), outline(filters)))
        return cast("int", rows[0][0])

    def _select_with_keys(self, viewer: Actor, column: str) -> Select[Any]:
        return self.select(viewer).where(with_keys(self.table.c[column]))

    def _select_page(self, viewer: Actor, given: Outline, sort: Sort, window: Window) -> Select[Any]:
        return self.select_page(viewer, given, sort, window, SIZE)

    def select_page(
        self, viewer: Actor, given: Outline, sort: Sort, window: Window, size: ColumnElement[int]
    ) -> Select[Any]:
        """The statement of a page; `size` is how many rows it has at most."""
        keyset, filters = self.keyset(sort), named(given)
        listed = next((name for name, comparisons in given if "in_" in comparisons), None)
        if listed is None or not self.is_in_order(given, sort):
            query = self.select(viewer).where(*self.conditions(viewer, filters))
            return keyset.apply(query, window, size)
        # The rows of one value lie in the index as they come in the list, those of several do not. So each has a page.
        column = self.filters[listed]
        values = func.unnest(later(_name(listed, "in_"), ARRAY(column.type)))
        value = values.table_valued("value", name="listed").render_derived()
        others = self.conditions(viewer, {**filters, listed: replace(filters[listed], in_=None)})
        each = self.select(viewer).with_only_columns(self.table.c.id, maintain_column_froms=True)
        first = keyset.apply(each.where(column == value.c.value, *others), window, size).correlate(value).lateral()
        ids = with_keys_of(self.table.c.id, select(first.c.id).select_from(value).join(first, true()))
        return keyset.ordered(self.select(viewer).where(ids), window, None).limit(size)

    def is_in_order(self, given: Outline, sort: Sort) -> bool:
        """Whether an index finds the rows of a page as they come in the list, whatever the values in its filters.

        So it is without any, with bounds of what the list is ordered by, and with values of one more field that stands
        before that in an index. Else it depends on the values: rows that are rare must not be searched for in order.
        """
        place = self.keyset(sort).columns
        others: list[tuple[Any, tuple[str, ...]]] = []
        for name, comparisons in given:
            column = self.filters.get(name)
            if column is not place[0] or not BOUNDS.issuperset(comparisons):
                others.append((column, comparisons))
        if len(others) != 1:
            return not others
        [(column, comparisons)] = others
        is_indexed = any(list(index.columns) == [column, *place] for index in self.table.indexes)
        return is_indexed and VALUES.issuperset(comparisons)

    def _select_count(self, viewer: Actor, given: Outline) -> Select[Any]:
        query = self.joined(select(func.count()).select_from(self.table))
        return query.where(self.visible_to(viewer), *self.conditions(viewer, named(given)))

    def keyset(self, sort: Sort) -> "Keyset":
        """The order of a list."""
        return Keyset(sort, self.sorts[sort.field], self.table.c.id)

    def conditions(self, viewer: Actor, filters: Filters) -> list[ColumnElement[bool]]:
        """The SQL of the filters that name a column of this table."""
        return [
            condition
            for name, compare in filters.items()
            if name in self.filters
            for condition in compared(self.filters[name], compare)
        ]


class Keyset:
    """Pages by the values of the last row seen, so that rows which come or go do not shift them."""

    def __init__(self, sort: Sort, column: Column[Any], tiebreak: Column[Any]) -> None:
        self._sort, self._column, self._tiebreak = sort, column, tiebreak

    @property
    def name(self) -> str:
        """What the list is ordered by, under its public name."""
        return self._sort.field

    @property
    def columns(self) -> tuple[Column[Any], Column[Any]]:
        """Those that hold the place of a row."""
        return self._column, self._tiebreak

    def apply(self, query: Select[Any], window: Window, size: ColumnElement[int]) -> Select[Any]:
        """The query cut to one page, and one row more, which tells whether there is another page."""
        place = tuple_(self._column, self._tiebreak)
        for end, is_given, onwards in (("after", window.after, True), ("before", window.before, False)):
            if is_given:
                values = tuple_(later(end, self._column.type), later(f"{end}_id", self._tiebreak.type))
                query = query.where(place < values if onwards is self._sort.descending else place > values)
        return self.ordered(query, window, None).limit(size)

    def values(self, page: PageRequest) -> dict[str, Any]:
        """What the query of a page is given.

        Raises:
            Refused: a cursor that this list did not make.
        """
        values: dict[str, Any] = {"size": page.size + 1}
        for end, cursor in (("after", page.after), ("before", page.before)):
            if cursor is not None:
                values[end], values[f"{end}_id"] = self._parse(cursor, end)
        return values

    def ordered(
        self, query: Select[Any], window: Window, columns: ReadOnlyColumnCollection[str, Any] | None
    ) -> Select[Any]:
        """The query in the order in which a page is read; `columns` are those of a subquery that holds the place."""
        place = [column if columns is None else columns[column.key] for column in (self._column, self._tiebreak)]
        downwards = self._sort.descending is not window.backwards
        return query.order_by(*(column.desc() if downwards else column.asc() for column in place))

    def page(self, rows: Sequence[Row], page: PageRequest, build: Callable[[Row], T]) -> Page[T]:
        """The page that these rows make."""
        more = len(rows) > page.size
        rows = list(rows[: page.size])
        if page.backwards:
            rows.reverse()
        return Page(
            items=[build(row) for row in rows],
            cursors=Cursors(self, rows),
            has_next=page.before is not None if page.backwards else more,
            has_previous=more if page.backwards else page.after is not None,
        )

    def cursor(self, row: Row) -> str:
        """The opaque place of a row: which order it belongs to, and its values there.

        What is written has the same made by the database (db/sheets.py).
        """
        values = [
            self._sort.field,
            _to_text(row[self._column.key]),
            _to_text(row[self._tiebreak.key]),
        ]
        return seal(orjson.dumps(values).decode())

    def _parse(self, cursor: str, argument: str) -> tuple[Any, UUID]:
        try:
            field, value, row_id = orjson.loads(unseal(cursor))
            if field != self._sort.field:
                raise Refused(bad_input(f"This cursor belongs to a list ordered by {field}.", argument))
            return _from_text(self._column, value), UUID(row_id)
        except (ValueError, TypeError, ArithmeticError, AttributeError):
            raise Refused(bad_input("This is not a cursor of this list.", argument)) from None


class Cursors(Sequence[str]):
    """The cursors of the rows of a page. Each is made when it is asked for: most clients want the last one alone."""

    __slots__ = ("_keyset", "_rows")

    def __init__(self, keyset: Keyset, rows: Sequence[Row]) -> None:
        self._keyset, self._rows = keyset, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return map(self._keyset.cursor, self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "Cursors": ...
    def __getitem__(self, index: int | slice) -> "str | Cursors":
        if isinstance(index, slice):
            return Cursors(self._keyset, self._rows[index])
        return self._keyset.cursor(self._rows[index])


def outline(filters: Filters) -> Outline:
    return tuple(
        (name, tuple(comparison for comparison in COMPARISONS if getattr(compare, comparison) is not None))
        for name, compare in filters.items()
    )


def named(given: Outline) -> Filters:
    """The filters of an outline, each of which has the name of a value in the place of the value."""
    return {name: Compare(**{each: _name(name, each) for each in comparisons}) for name, comparisons in given}


def values_of(filters: Filters) -> dict[str, Any]:
    """The values of filters by the names that they have in their outline."""
    return {
        _name(name, each): _escaped(value) if each in LIKE else value
        for name, compare in filters.items()
        for each in COMPARISONS
        if (value := getattr(compare, each)) is not None
    }


def _name(field: str, comparison: str) -> str:
    return f"{field}__{comparison}"


def _escaped(value: str) -> str:
    """A text in which LIKE finds no wildcards."""
    return value.replace("/", "//").replace("%", "/%").replace("_", "/_")


def compared(column: ColumnElement[Any], compare: Compare) -> list[ColumnElement[bool]]:
    """The SQL of the conditions on one column, which are `named`."""

    def value(name: Any) -> Any:
        return later(name, column.type)

    conditions: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
        (compare.eq, lambda name: column == value(name)),
        (compare.in_, lambda name: column == any_(later(name, ARRAY(column.type)))),
        (compare.gt, lambda name: column > value(name)),
        (compare.gte, lambda name: column >= value(name)),
        (compare.lt, lambda name: column < value(name)),
        (compare.lte, lambda name: column <= value(name)),
        (compare.starts_with, lambda name: column.startswith(value(name), escape="/")),
        (compare.contains, lambda name: column.icontains(value(name), escape="/")),
    ]
    return [condition(name) for name, condition in conditions if name is not None]


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint that a statement broke."""
    return getattr(error.orig, "constraint_name", None)


def _to_text(value: Any) -> str:
    # As PostgreSQL writes numbers, which knows no exponents.
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _from_text(column: Column[Any], value: str) -> Any:
    kind = column.type.python_type
    if kind is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if kind is Decimal:
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
            raise ValueError(value)
        return number
    return kind(value)


def grouped(rows: Sequence[Row], key: str, build: Callable[[Row], T]) -> dict[UUID, list[T]]:
    """Rows by the id in one of their columns, in the order they came."""
    groups: dict[UUID, list[T]] = {}
    for row in rows:
        found = row[key]
        if found in groups:
            groups[found].append(build(row))
        else:
            groups[found] = [build(row)]
    return groups
