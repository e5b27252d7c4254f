"""How lists are read: row filter, comparisons, keyset pages. One class serves every table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

import orjson
from sqlalchemy import Column, ColumnElement, Select, Table, func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from db.base import any_of
from db.engine import Database
from db.statements import Row, compiled_once, with_keys
from domain.actor import Actor
from domain.opaque import seal, unseal
from domain.reading import Compare, Filters, Page, PageRequest, Sort
from domain.refusals import Refused, bad_input

T = TypeVar("T")

DIGITS_MAX = 1000
"""No amount of ours is as long; one in a forged cursor could be."""


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

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        """Which rows of the table a viewer may see: a matter of the viewer's sight alone."""
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
        rows = await self._database.read_keys(self._with_keys(viewer.sight, column.key), keys)
        return {row[name]: build(row) for row in rows}

    async def page(self, viewer: Actor, filters: Filters, sort: Sort, page: PageRequest) -> Page[T]:
        query = self.select(viewer).where(*self.conditions(viewer, filters))
        keyset = Keyset(sort, self.sorts[sort.field], self.table.c.id)
        rows = await self._database.read(keyset.apply(query, page))
        return keyset.page(rows, page, self.build)

    async def count(self, viewer: Actor, filters: Filters) -> int:
        query = self.joined(select(func.count()).select_from(self.table))
        rows = await self._database.read(query.where(self.visible_to(viewer), *self.conditions(viewer, filters)))
        return cast("int", rows[0][0])

    def _select_with_keys(self, sight: Actor, column: str) -> Select[Any]:
        return self.select(sight).where(with_keys(self.table.c[column]))

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

    def apply(self, query: Select[Any], page: PageRequest) -> Select[Any]:
        """The query cut to one page, and one row more, which tells whether there is another page."""
        place = tuple_(self._column, self._tiebreak)
        for cursor, onwards in ((page.after, True), (page.before, False)):
            if cursor is not None:
                values = tuple_(*self._parse(cursor, "after" if onwards else "before"))
                query = query.where(place < values if onwards is self._sort.descending else place > values)
        return self.ordered(query, page, None).limit(page.size + 1)

    def ordered(
        self, query: Select[Any], page: PageRequest, columns: ReadOnlyColumnCollection[str, Any] | None
    ) -> Select[Any]:
        """The query in the order in which a page is read; `columns` are those of a subquery that holds the place."""
        place = [column if columns is None else columns[column.key] for column in (self._column, self._tiebreak)]
        downwards = self._sort.descending is not page.backwards
        return query.order_by(*(column.desc() if downwards else column.asc() for column in place))

    def page(self, rows: Sequence[Row], page: PageRequest, build: Callable[[Row], T]) -> Page[T]:
        """The page that these rows make."""
        more = len(rows) > page.size
        rows = list(rows[: page.size])
        if page.backwards:
            rows.reverse()
        return Page(
            items=[build(row) for row in rows],
            cursors=[self.cursor(row) for row in rows],
            has_next=page.before is not None if page.backwards else more,
            has_previous=more if page.backwards else page.after is not None,
        )

    def cursor(self, row: Row) -> str:
        """The opaque place of a row: which order it belongs to, and its values there."""
        values = [
            self._sort.field,
            str(row[self._column.key]),
            str(row[self._tiebreak.key]),
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


def compared(column: ColumnElement[Any], compare: Compare) -> list[ColumnElement[bool]]:
    """The SQL of the conditions on one column."""
    pairs: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
        (compare.eq, lambda value: column == value),
        (compare.in_, lambda values: any_of(column, values)),
        (compare.gt, lambda value: column > value),
        (compare.gte, lambda value: column >= value),
        (compare.lt, lambda value: column < value),
        (compare.lte, lambda value: column <= value),
        (compare.starts_with, lambda value: column.startswith(value, autoescape=True)),
        (compare.contains, lambda value: column.icontains(value, autoescape=True)),
    ]
    return [condition(value) for value, condition in pairs if value is not None]


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint that a statement broke."""
    return getattr(error.orig, "constraint_name", None)


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
