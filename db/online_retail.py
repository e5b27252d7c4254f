"""Imports a file of the Online Retail data: stages it, and has the database make the shop's records of it.

Everything happens in one transaction. docs/import.md says what becomes of each line.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text

from db import online_retail_sql as sql
from db.base import new_id
from db.engine import Connection, Database
from db.events import SqlEventWriter
from db.online_retail_keys import keys_and_indexes_put_aside
from db.online_retail_staging import Content, stage
from db.sales import correct
from db.stock_guard import to_locked
from domain.actor import Actor
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.inventory.changes import LevelChange, events_of_bulk_change
from domain.money import DEFAULT_CURRENCY
from domain.online_retail import ImportRefused, ImportResult, OnlineRetailFile
from domain.online_retail_fields import UNITS_MAX

__all__ = ["Progress", "import_online_retail"]

Progress = Callable[[str, int, int | None], None]
"""Called with the name of the stage, and how much of how much is done; the whole may be unknown."""

_ROWS_PER_STATEMENT = 100_000


async def import_online_retail(database: Database, path: Path, progress: Progress) -> ImportResult:
    """Import a .csv, .csv.gz or .csv.xz file; what the shop knows of it already is left as it is.

    Raises:
        ImportRefused: the file is broken or contradicts what is stored. Nothing of it stays.
    """
    with path.open("rb") as raw:
        content = Content(raw, path.name)
        file = OnlineRetailFile(content)
        async with database.transaction() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(sql.LOCK)))
            # So many notes would take longer to add up than it takes to count anew.
            await connection.execute(text("SET LOCAL orderwire.sales_are_noted = off"))
            await stage(connection, file, lambda: progress("read", raw.tell(), path.stat().st_size))
            running = _Import(connection, file, progress)
            counts = await running.run()
            if any(count for name, count in counts.items() if name not in {"known", "without_stock"}):
                payload = {"file": path.name, "sha256": content.digest.hexdigest(), "lines": file.lines, **counts}
                event = NewEvent(EventKind.IMPORT_COMPLETED, AggregateType.IMPORT, new_id(), 1, payload)
                await SqlEventWriter(connection, Actor.system(), None).write([*running.low, event])
    return ImportResult(lines=file.lines, **counts)


class _Import:
    """Runs the statements that turn the staged file into the shop's records, and counts what they add."""

    def __init__(self, connection: Connection, file: OnlineRetailFile, progress: Progress) -> None:
        self._connection, self._file, self._progress = connection, file, progress
        self.low: list[NewEvent] = []
        """The levels that became low."""

    async def run(self) -> dict[str, int]:
        known = await self._compare()
        without_stock = await self._run(sql.DROP_WITHOUT_STOCK)
        counts = {"known": known, "without_stock": without_stock}
        left = (await self._connection.execute(text(sql.TO_DO))).one()
        if left.lines or left.articles:
            async with keys_and_indexes_put_aside(self._connection):
                counts |= await self._customers_and_articles()
                counts |= await self._orders((left.last or 0) + 1)
                counts |= await self._returns()
                counts |= await self._stock()
            self._progress("reports", 0, None)
            await correct(self._connection)
            await self._run(sql.ANALYZE)
        return counts

    async def _compare(self) -> int:
        """Take the lines that the shop knows out of the staged ones, and say how many they were."""
        self._progress("compare", 0, None)
        for statement in (sql.KNOWN_ARTICLES, sql.KNOWN_ORDERS, sql.KNOWN_RETURNS):
            await self._run(statement)
        conflict = (await self._connection.execute(text(sql.CONFLICT))).first()
        if conflict:
            problem = f"invoice {conflict.number} is stored with another: {conflict.stored or 'none'}."
            raise ImportRefused(conflict.line, self._file.name_of(conflict.column), problem)
        if not await self._run(sql.KNOWN_LINES):
            return 0
        await self._run("ANALYZE known_lines")
        known = await self._run(sql.DROP_KNOWN_LINES)
        await self._run(sql.NUMBER_ADDED_LINES)
        return known

    async def _customers_and_articles(self) -> dict[str, int]:
        self._progress("customers and articles", 0, None)
        customers = await self._run(sql.CUSTOMERS)
        await self._run(sql.CUSTOMER_IDS)
        return {
            "customers": customers,
            "addresses": await self._run(sql.ADDRESSES),
            "products": await self._run(sql.PRODUCTS),
            "variants": await self._run(sql.VARIANTS, currency=DEFAULT_CURRENCY),
        }

    async def _orders(self, end: int) -> dict[str, int]:
        self._progress("orders", 0, end)
        orders = await self._run(sql.ORDERS, currency=DEFAULT_CURRENCY)
        lines = await self._in_parts("orders", sql.ORDER_LINES, end, currency=DEFAULT_CURRENCY)
        await self._run(sql.ADDED_TO_ORDERS)
        return {"orders": orders, "order_lines": lines}

    async def _returns(self) -> dict[str, int]:
        self._progress("returns", 0, None)
        returns = await self._run(sql.RETURNS, currency=DEFAULT_CURRENCY)
        lines = await self._run(sql.RETURN_LINES, currency=DEFAULT_CURRENCY)
        for statement in (sql.ADDED_TO_RETURNS, sql.ANALYZE_ORDERS, sql.MATCH_RETURN_LINES, sql.MATCH_RETURNS):
            await self._run(statement)
        adjustments = await self._run(sql.ADJUSTMENTS, currency=DEFAULT_CURRENCY)
        return {"returns": returns, "return_lines": lines, "adjustments": adjustments}

    async def _stock(self) -> dict[str, int]:
        self._progress("stock", 0, None)
        await self._run(sql.WAREHOUSE)
        movements = await self._run(sql.STAGED_MOVEMENTS)
        for statement in (sql.NEW_LEVELS, sql.LOCK_LEVELS, sql.STAGED_LEVELS):
            await self._run(statement)
        await self._run("ANALYZE staged_movements, staged_levels")
        await self._refuse_overflow()
        openings = await self._run(sql.OPENINGS)
        clock, salt = tuple((await self._connection.execute(text(sql.CLOCK))).one())
        await self._in_parts("stock", sql.MOVEMENTS, movements + 1, clock=clock, salt=salt)
        await self._find_low()
        await self._run(sql.LEVELS)
        write_offs = "SELECT count(*) FROM staged_movements WHERE kind = 'WRITE_OFF'"
        return {
            "write_offs": (await self._connection.execute(text(write_offs))).scalar_one(),
            "movements": movements + openings,
            "opening_receipts": openings,
        }

    async def _find_low(self) -> None:
        """Record each level that is about to become low: people wait for that, whatever the cause."""
        rows = (await self._connection.execute(text(sql.SINKING))).all()
        changes = [LevelChange(to_locked(row), on_hand=int(row.change)) for row in rows]
        self.low = [event for change in changes for event in events_of_bulk_change(change)]
        if self.low:
            versions = [{"id": event.aggregate_id, "version": event.sequence} for event in self.low]
            await self._connection.execute(text(sql.VERSION), versions)

    async def _refuse_overflow(self) -> None:
        found = (await self._connection.execute(text(sql.TOO_MUCH), {"most": UNITS_MAX})).first()
        if found:
            problem = f"the stock of {found.sku} would be more than {UNITS_MAX} units."
            raise ImportRefused(found.number, self._file.name_of("Quantity"), problem)

    async def _in_parts(self, stage: str, statement: str, end: int, **values: object) -> int:
        """Run a statement for one range of rows after the other, so that somebody who waits sees it move."""
        rows = 0
        for first in range(0, end, _ROWS_PER_STATEMENT):
            self._progress(stage, first, end)
            rows += await self._run(statement, first=first, end=first + _ROWS_PER_STATEMENT, **values)
        self._progress(stage, end, end)
        return rows

    async def _run(self, statement: str, **values: object) -> int:
        """Run a statement, and say how many rows it wrote."""
        return await self._connection.count(text(statement), values)
