"""Stock for tests, moved through the schema; and what the tables then say."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from support.log import settle
from support.shop import Shop

from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor
from domain.inventory.model import Shortage

LEVEL = "{ onHand reserved available reorderPoint }"
ERRORS = """
userErrors {
  __typename code message field
  ... on InsufficientStock { sku requested available }
  ... on OnHandConflict { current }
  ... on UnknownSku { sku }
}
"""

LEVELS = """
SELECT sku, code, on_hand, reserved FROM stock_levels l
JOIN variants v ON v.id = l.variant_id JOIN warehouses w ON w.id = l.warehouse_id ORDER BY sku, code
"""

CONTRADICTIONS = """
SELECT l.id FROM stock_levels l LEFT JOIN stock_movements m USING (variant_id, warehouse_id)
GROUP BY l.id
HAVING l.on_hand <> coalesce(sum(m.on_hand_after - m.on_hand_before), 0)
    OR l.reserved <> coalesce(sum(m.reserved_after - m.reserved_before), 0)
    OR l.reserved <> (SELECT coalesce(sum(quantity), 0) FROM reservations WHERE level_id = l.id)
    OR l.version <> (SELECT count(*) FROM events WHERE aggregate_id = l.id)
    OR l.version <> (SELECT coalesce(max(sequence), 0) FROM events WHERE aggregate_id = l.id)
UNION ALL
SELECT id FROM (
  SELECT id, on_hand_before, reserved_before, lag(on_hand_after, 1, 0) OVER chain AS on_hand,
    lag(reserved_after, 1, 0) OVER chain AS reserved
  FROM stock_movements WINDOW chain AS (PARTITION BY variant_id, warehouse_id ORDER BY occurred_at, id)
) each WHERE (on_hand_before, reserved_before) <> (on_hand, reserved)
"""
"""What must never be found: levels that their movements, reservations or events do not account for."""


async def change_stock(shop: Shop, actor: Actor | None, act: str, **given: Any) -> dict[str, Any]:
    """The whole payload of `stockReceive`, `stockAdjust`, `stockTransfer` or `stockReorderPointSet`."""
    name = f"stock{act}"
    levels = f"from {LEVEL} to {LEVEL}" if act == "Transfer" else f"stockLevel {LEVEL}"
    query = f"mutation ($input: S{name[1:]}Input!) {{ {name}(input: $input) {{ {levels} {ERRORS} }} }}"
    return (await shop.get(query, actor, input=given))[name]


async def reserve_units(uow: SqlUnitOfWork, order: UUID, demand: Mapping[UUID, int]) -> Sequence[Shortage]:
    """Reserve units by variant id, as placing an order does."""
    goods = await uow.catalog.variants_by_id(demand)
    offer = await uow.offers.make({each.sku for each in goods.values()}, None, None)
    return await uow.stock.reserve(order, demand, offer.levels)


async def levels(shop: Shop) -> list[tuple[Any, ...]]:
    """SKU, warehouse, on hand and reserved of every level."""
    return [tuple(row) for row in await shop.database.read(text(LEVELS))]


async def contradictions(shop: Shop) -> list[Any]:
    await settle(shop.database)
    return list(await shop.database.read(text(CONTRADICTIONS)))
