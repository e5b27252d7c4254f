"""Writes things for queries as JSON: the one place that knows the sheets, and the lists, of all features."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from uuid import UUID
from weakref import ReferenceType, WeakKeyDictionary, ref

from sqlalchemy import Select, select

from db import catalog, customers, inventory, orders, returns, users
from db.engine import Database
from db.reading import Outline, TableReader, Window, outline, values_of
from db.sheets import Sheets, written, written_page
from db.statements import Parameters, Prepared, Rights, Row, rights_of, somebody_with
from domain.actor import Actor
from domain.reading import Filters, Page, PageRequest, Sort
from domain.writing import Target, Written

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

SHAPES = 64
"""How many statements are kept for one selection: lists are filtered and ordered in many ways."""


class SqlWriter:
    """Writes by one statement for a selection, however many relations it follows.

    Statements are kept for as long as the selection is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lists = {name: reader(database) for name, reader in LISTS.items()}
        self._known: WeakKeyDictionary[Target, bool] = WeakKeyDictionary()
        self._prepared: WeakKeyDictionary[Target, Callable[..., Prepared]] = WeakKeyDictionary()

    def knows(self, target: Target) -> bool:
        known = self._known.get(target)
        if known is None:
            known = self._known[target] = _is_offered(target)
        return known

    def lists(self, target: Target) -> bool:
        return target.relation in LISTS and self.knows(target)

    async def write(self, viewer: Actor, target: Target, keys: Sequence[UUID]) -> Mapping[UUID, Written]:
        rows = await self._fetch(viewer, target, {"keys": keys})
        return {key: Written(text, things) for key, text, things in rows}

    async def page(
        self, viewer: Actor, target: Target, filters: Filters, sort: Sort, page: PageRequest
    ) -> Page[Written]:
        keyset = self._lists[target.relation].keyset(sort)
        values = keyset.values(page) | values_of(filters)
        rows = await self._fetch(viewer, target, values, outline(filters), sort, Window.of(page))
        return keyset.page(rows, page, _to_written)

    async def _fetch(self, viewer: Actor, target: Target, values: Parameters, *shape: Any) -> Sequence[Row]:
        if target not in self._prepared:
            self._prepared[target] = lru_cache(SHAPES)(partial(self._prepare, ref(target)))
        statement = self._prepared[target](rights_of(viewer), *shape)
        return await self._database.fetch(statement.text, statement.bind(values, viewer.user_id))

    def _prepare(self, selection: ReferenceType[Target], rights: Rights, *shape: Any) -> Prepared:
        target, viewer = selection(), somebody_with(rights)
        if target is None:
            raise ReferenceError("Nobody holds the selection.")
        return Prepared(self._page(viewer, target, *shape) if shape else written(SHEETS, viewer, target))

    def _page(self, viewer: Actor, target: Target, given: Outline, sort: Sort, window: Window) -> Select[Any]:
        reader = self._lists[target.relation]
        keyset = reader.keyset(sort)
        rows = written_page(SHEETS, viewer, target, reader.select_page(viewer, given, sort, window), keyset)
        return keyset.ordered(select(rows), window, rows.c)


def _is_offered(target: Target) -> bool:
    """Whether all that is selected stands in the sheets."""
    sheet = SHEETS.get(target.relation)
    if sheet is None or not all(map(sheet.writes, target.parts)):
        return False
    return all(_is_offered(edge.target) for edge in target.edges)


def _to_written(row: Row) -> Written:
    return Written(row["text"], row["things"])
