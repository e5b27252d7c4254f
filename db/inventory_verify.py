"""Compares what is stored of each level with what its movements and reservations add up to.

It compares sums and not one movement with the next: an import adds movements that happened before those that are
there, and in any order they add up to the same.
"""

from uuid import UUID

from sqlalchemy import text

from db.engine import Connection, Database
from db.statements import Row
from domain.inventory.ports import Tally
from domain.inventory.verify import Difference

# One statement, and so one snapshot: a change that commits meanwhile is seen whole or not at all.
_TALLIES = text("""
WITH moved AS (
  SELECT variant_id, warehouse_id, sum(on_hand_after - on_hand_before) AS on_hand,
    sum(reserved_after - reserved_before) AS reserved
  FROM stock_movements
  WHERE variant_id = :variant_id OR CAST(:variant_id AS uuid) IS NULL
  GROUP BY variant_id, warehouse_id
), held AS (
  SELECT level_id, sum(quantity) AS reserved FROM reservations GROUP BY level_id
), levels AS (
  SELECT * FROM stock_levels WHERE variant_id = :variant_id OR CAST(:variant_id AS uuid) IS NULL
), tallied AS (
  SELECT l.id, variant_id, warehouse_id, coalesce(l.on_hand, 0) AS on_hand, coalesce(l.reserved, 0) AS reserved,
    coalesce(m.on_hand, 0) AS moved_on_hand, coalesce(m.reserved, 0) AS moved_reserved,
    coalesce(h.reserved, 0) AS held
  FROM levels l
  FULL JOIN moved m USING (variant_id, warehouse_id)
  LEFT JOIN held h ON h.level_id = l.id
)
SELECT t.*, v.sku, w.code
FROM tallied t
JOIN variants v ON v.id = t.variant_id
JOIN warehouses w ON w.id = t.warehouse_id
WHERE CAST(:variant_id AS uuid) IS NOT NULL
  OR (t.on_hand, t.reserved, t.reserved) <> (t.moved_on_hand, t.moved_reserved, t.held)
ORDER BY v.sku, w.code
""")
"""All levels of one variant or, without one, those of any variant that differ."""


async def find_differences(database: Database) -> list[Difference]:
    """Every level that its movements or its reservations do not account for, by SKU and warehouse."""
    rows = await database.read(_TALLIES, {"variant_id": None})
    return [
        Difference(row.variant_id, row.warehouse_id, row.sku, row.code, row.on_hand, row.reserved, _tally(row))
        for row in rows
    ]


async def count_levels(database: Database) -> int:
    return (await database.read(text("SELECT count(*) FROM stock_levels")))[0][0]


async def tally(connection: Connection, variant_id: UUID) -> dict[UUID, Tally]:
    """What the levels of a variant add up to, by level id."""
    rows = (await connection.execute(_TALLIES, {"variant_id": variant_id})).all()
    return {row.id: _tally(row) for row in rows if row.id}


def _tally(row: Row) -> Tally:
    return Tally(int(row.moved_on_hand), int(row.moved_reserved), int(row.held))
