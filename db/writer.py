"""Writes things for queries as JSON: the one place that knows the sheets of all features."""

from collections.abc import Mapping, Sequence
from uuid import UUID
from weakref import WeakKeyDictionary

from db import catalog, customers, inventory, orders, returns, users
from db.engine import Database
from db.sheets import Sheets, written
from db.statements import Prepared, Rights, rights_of, somebody_with
from domain.actor import Actor
from domain.writing import Target, Written

SHEETS: Sheets = {
    **catalog.SHEETS,
    **customers.SHEETS,
    **inventory.SHEETS,
    **orders.SHEETS,
    **returns.SHEETS,
    **users.SHEETS,
}


class SqlWriter:
    """Writes by one statement for a selection, however many relations it follows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements: WeakKeyDictionary[Target, dict[Rights, Prepared]] = WeakKeyDictionary()

    def knows(self, target: Target) -> bool:
        sheet = SHEETS.get(target.relation)
        if sheet is None or not all(map(sheet.writes, target.parts)):
            return False
        return all(self.knows(edge.target) for edge in target.edges)

    async def write(self, viewer: Actor, target: Target, keys: Sequence[UUID]) -> Mapping[UUID, Written]:
        statement = self._statement(viewer, target)
        rows = await self._database.fetch(statement.text, statement.bind({"keys": keys}, viewer.user_id))
        return {key: Written(text, things) for key, text, things in rows}

    def _statement(self, viewer: Actor, target: Target) -> Prepared:
        known = self._statements.setdefault(target, {})
        rights = rights_of(viewer)
        if rights not in known:
            known[rights] = Prepared(written(SHEETS, somebody_with(rights), target))
        return known[rights]
