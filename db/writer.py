"""Writes things for queries as JSON: the one place that knows the sheets, and the lists, of all features."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Integer, literal_column, select

from db import catalog, customers, inventory, orders, returns, users
from db.engine import Database
from db.look_ups import LookUps
from db.reading import Outline, TableReader, Window, outline, values_of
from db.sheets import Sheets, written, written_page
from db.statements import Prepared, Rights, Row, rights_of, somebody_with
from domain.actor import Actor
from domain.kept import Kept
from domain.reading import Filters, Page, PageRequest, Sort
from domain.writing import Target, Turn, Written

SHEETS: Sheets = {
    **catalog.SHEETS,
    **customers.SHEETS,
    **inventory.SHEETS,
    **orders.SHEETS,
    **returns.SHEETS,
    **users.SHEETS,
}

LISTS: Mapping[str, type[TableReader[Any]]] = {
    "adjustment": returns.AdjustmentReader,
    "customer": customers.CustomerReader,
    "order": orders.OrderReader,
    "order_return": returns.OrderReturnReader,
    "product": catalog.ProductReader,
    "stock_level": inventory.StockLevelReader,
    "stock_movement": inventory.StockMovementReader,
    "user": users.UserReader,
    "variant": catalog.VariantReader,
    "warehouse": inventory.WarehouseReader,
}
"""What reads the list of things, by the relation to one of them."""

ROOM = 16 << 20
"""About how many bytes of statements are kept: clients decide how many there are, and how long."""

BESIDE = 2_000
"""About how many bytes a statement takes beside its text."""

ROWS = "/*rows*/"
"""Where a page's statement says how many rows are wanted. No name of GraphQL, and no sign of JSON, looks like it."""

PageShape = tuple[Outline, Sort, Window]
"""What decides the text of a page's statement, beside what is selected."""


Sight = tuple[Prepared, UUID | None]
"""A statement, and who looks, where it finds other things for each who has the same rights."""


class SqlWriter:
    """Writes by one statement for a selection, however many relations it follows."""

    def __init__(self, database: Database, searching: Database) -> None:
        """`searching` plans anew, and serves the lists whose plan depends on the values in their filters."""
        self._database, self._searching = database, searching
        self._lists = {name: reader(database) for name, reader in LISTS.items()}
        self._known: WeakKeyDictionary[Target, bool] = WeakKeyDictionary()
        self._look_ups = LookUps(self._find)
        self._statements = Kept[tuple[bytes, Rights, PageShape | None], Prepared](ROOM)

    def knows(self, target: Target) -> bool:
        known = self._known.get(target)
        if known is None:
            known = self._known[target] = _is_offered(target)
        return known

    def lists(self, target: Target) -> bool:
        return target.relation in LISTS and self.knows(target)

    async def write(self, viewer: Actor, target: Target, keys: Sequence[UUID], turn: Turn) -> Mapping[UUID, Written]:
        statement = await self._statement(viewer, target, None, turn)
        sight = statement, viewer.user_id if statement.is_personal else None
        if len(keys) > 1 or statement.once:
            return await self._find(sight, keys)
        [key] = keys
        found = await self._look_ups.find(sight, key)
        return {key: found} if found is not None else {}

    async def page(
        self, viewer: Actor, target: Target, filters: Filters, sort: Sort, page: PageRequest, turn: Turn
    ) -> Page[Written]:
        reader, given = self._lists[target.relation], outline(filters)
        keyset = reader.keyset(sort)
        values = keyset.values(page) | values_of(filters)
        statement = await self._statement(viewer, target, (given, sort, Window.of(page)), turn)
        text, bound = statement.text.replace(ROWS, str(page.size + 1)), statement.bind(values, viewer.user_id)
        # To plan takes about as long as to run, and is right where a plan for any values might search the whole table.
        database = self._database if reader.is_in_order(given, sort) else self._searching
        rows = await database.fetch(text, bound, once=statement.once)
        return keyset.page(rows, page, _to_written)

    async def _find(self, sight: Sight, keys: Sequence[UUID]) -> Mapping[UUID, Written]:
        statement, user_id = sight
        rows = await self._database.fetch(statement.text, statement.bind({"keys": keys}, user_id), once=statement.once)
        return {key: Written(text, things) for key, text, things in rows}

    async def _statement(self, viewer: Actor, target: Target, shape: PageShape | None, turn: Turn) -> Prepared:
        rights = rights_of(viewer)
        key = target.digest, rights, shape
        statement = self._statements.get(key)
        if statement is None:
            async with turn():
                # Somebody else may have had a turn before.
                statement = self._statements.get(key)
                if statement is None:
                    statement = self._prepared(target, rights, shape)
                    statement.once = not self._statements.put(key, statement, BESIDE + len(statement.text))
        return statement

    def _prepared(self, target: Target, rights: Rights, shape: PageShape | None) -> Prepared:
        viewer = somebody_with(rights)
        if shape is None:
            return Prepared(written(SHEETS, viewer, target))
        reader, (given, sort, window) = self._lists[target.relation], shape
        keyset = reader.keyset(sort)
        rows = reader.select_page(viewer, given, sort, window, literal_column(ROWS, Integer))
        found = written_page(SHEETS, viewer, target, rows, keyset)
        return Prepared(keyset.ordered(select(found), window, found.c))


def _is_offered(target: Target) -> bool:
    """Whether all that is selected stands in the sheets."""
    sheet = SHEETS.get(target.relation)
    if sheet is None or not all(map(sheet.writes, target.parts)):
        return False
    return all(_is_offered(edge.target) for edge in target.edges)


def _to_written(row: Row) -> Written:
    return Written(row["text"], row["things"])
