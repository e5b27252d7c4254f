"""Warehouses, stock levels, reservations and movements: tables and the readers for queries.

The guard that changes levels stands in db/stock_guard.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    exists,
    false,
    select,
    text,
    true,
)

from db import orders as order_tables
from db import users as user_tables
from db.base import any_of, check_in, id_column, metadata, timestamp
from db.catalog import variants
from db.engine import Connection
from db.reading import TableReader, grouped
from db.sheets import Sheet, Sheets
from db.statements import Row, compiled_once
from domain.actor import Actor, Scope
from domain.inventory.model import MovementKind, StockLevel, StockMovement, Warehouse
from domain.reading import Filters

warehouses = Table(
    "warehouses",
    metadata,
    id_column(),
    Column("code", Text(collation="C"), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("100")),
)

stock_levels = Table(
    "stock_levels",
    metadata,
    id_column(),
    Column("variant_id", Uuid, nullable=False),
    Column("warehouse_id", Uuid, ForeignKey("warehouses.id"), nullable=False, index=True),
    Column("on_hand", Integer, nullable=False, server_default=text("0")),
    Column("reserved", Integer, nullable=False, server_default=text("0")),
    Column("reorder_point", Integer, nullable=False, server_default=text("0")),
    # The variant's own flag: the foreign key keeps the copy equal, so that the CHECK below can read it.
    Column("allow_backorder", Boolean, nullable=False, server_default=false()),
    # The sequence of the level's last event.
    Column("version", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("variant_id", "warehouse_id"),
    ForeignKeyConstraint(
        ["variant_id", "allow_backorder"], ["variants.id", "variants.allow_backorder"], onupdate="CASCADE"
    ),
    CheckConstraint("on_hand >= 0", name="on_hand"),
    CheckConstraint("reserved >= 0 AND (reserved <= on_hand OR allow_backorder)", name="reserved"),
    CheckConstraint("reorder_point >= 0", name="reorder_point"),
)

reservations = Table(
    "reservations",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id"), primary_key=True),
    Column("level_id", Uuid, ForeignKey("stock_levels.id"), primary_key=True, index=True),
    Column("quantity", Integer, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    timestamp("created_at"),
)

stock_movements = Table(
    "stock_movements",
    metadata,
    id_column(),
    Column("variant_id", Uuid, ForeignKey("variants.id"), nullable=False),
    Column("warehouse_id", Uuid, ForeignKey("warehouses.id"), nullable=False),
    Column("kind", Text, check_in("kind", MovementKind), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("on_hand_before", Integer, nullable=False),
    Column("on_hand_after", Integer, nullable=False),
    Column("reserved_before", Integer, nullable=False),
    Column("reserved_after", Integer, nullable=False),
    Column("order_id", Uuid, ForeignKey("orders.id")),
    Column("actor_id", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    Column("reason", Text),
    Column("reference", Text),
    timestamp("occurred_at"),
    CheckConstraint("on_hand_after >= 0 AND reserved_after >= 0", name="not_negative"),
    CheckConstraint(
        "quantity = CASE WHEN kind IN ('RESERVATION', 'RELEASE') THEN reserved_after - reserved_before"
        " ELSE on_hand_after - on_hand_before END",
        name="quantity",
    ),
    Index("stock_movements_variant_id_idx", "variant_id", "occurred_at"),
    Index("stock_movements_warehouse_id_idx", "warehouse_id"),
    Index("stock_movements_kind_idx", "kind", "occurred_at", "id"),
    Index("stock_movements_occurred_at_idx", "occurred_at", "id"),
    Index("stock_movements_order_id_idx", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    Index("stock_movements_actor_id_idx", "actor_id", postgresql_where=text("actor_id IS NOT NULL")),
    Index("stock_movements_reference_idx", "reference", postgresql_where=text("reference IS NOT NULL")),
)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says who may see stock, level by level and movement by movement."""
    return true() if viewer.has(Scope.INVENTORY_READ) else false()


AVAILABLE = {"available": stock_levels.c.on_hand - stock_levels.c.reserved}

SHEETS: Sheets = {
    "warehouse": Sheet(warehouses.c.id, lambda viewer: select(warehouses).where(visible_to(viewer))),
    "stock_level": Sheet(
        stock_levels.c.id, lambda viewer: select(stock_levels).where(visible_to(viewer)), attributes=AVAILABLE
    ),
    "stock_levels_of_variant": Sheet(
        stock_levels.c.variant_id,
        lambda viewer: select(stock_levels).join(warehouses).where(visible_to(viewer)),
        order=(warehouses.c.priority, warehouses.c.code),
        attributes=AVAILABLE,
    ),
    "stock_movement": Sheet(stock_movements.c.id, lambda viewer: select(stock_movements).where(visible_to(viewer))),
}


def to_level(row: Row) -> StockLevel:
    key, variant_id, warehouse_id, on_hand, reserved, reorder_point, *_ = row
    return StockLevel(key, variant_id, warehouse_id, on_hand, reserved, reorder_point)


def to_warehouse(row: Row) -> Warehouse:
    return Warehouse(*row)


class WarehouseReader(TableReader[Warehouse]):
    """Warehouses, for those who may see stock."""

    table = warehouses
    sorts = {"CODE": warehouses.c.code}
    filters = {"code": warehouses.c.code}

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> Warehouse:
        return to_warehouse(row)


class SqlWarehouseStore:
    """Warehouses, for commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def by_codes(self, codes: Sequence[str]) -> Mapping[str, Warehouse]:
        query = select(warehouses).where(any_of(warehouses.c.code, codes))
        return {row.code: to_warehouse(row) for row in (await self._connection.execute(query)).all()}


class StockLevelReader(TableReader[StockLevel]):
    """Stock levels by SKU; a level is found by the SKU of its variant and the code of its warehouse."""

    table = stock_levels
    sorts = {"SKU": variants.c.sku}
    filters = {
        "sku": variants.c.sku,
        "warehouse": warehouses.c.code,
        "on_hand": stock_levels.c.on_hand,
        "reserved": stock_levels.c.reserved,
    }

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> StockLevel:
        return to_level(row)

    def select(self, viewer: Actor) -> Select[Any]:
        return super().select(viewer).add_columns(variants.c.sku)

    def joined(self, query: Select[Any]) -> Select[Any]:
        return query.join(variants, stock_levels.c.variant_id == variants.c.id).join(
            warehouses, stock_levels.c.warehouse_id == warehouses.c.id
        )

    async def of_variants(self, viewer: Actor, variant_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[StockLevel]]:
        rows = await self._database.fetch(*_levels_of_variants(viewer, {"keys": variant_ids}))
        return grouped(rows, "variant_id", to_level)


_levels_of_variants = compiled_once(SHEETS["stock_levels_of_variant"].with_keys)


class StockMovementReader(TableReader[StockMovement]):
    """The ledger of stock."""

    table = stock_movements
    sorts = {"OCCURRED_AT": stock_movements.c.occurred_at}
    filters = {
        "kind": stock_movements.c.kind,
        "sku": variants.c.sku,
        "warehouse": warehouses.c.code,
        "order": stock_movements.c.order_id,
        "actor": stock_movements.c.actor_id,
        "reference": stock_movements.c.reference,
        "occurred_at": stock_movements.c.occurred_at,
    }

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def joined(self, query: Select[Any]) -> Select[Any]:
        return query.join(variants, stock_movements.c.variant_id == variants.c.id).join(
            warehouses, stock_movements.c.warehouse_id == warehouses.c.id
        )

    def conditions(self, viewer: Actor, filters: Filters) -> list[ColumnElement[bool]]:
        conditions = super().conditions(viewer, filters)
        if "order" in filters:
            # To ask by order what moved is to read the order.
            orders = order_tables.orders
            order = exists().where(orders.c.id == stock_movements.c.order_id, order_tables.visible_to(viewer))
            conditions.append(order)
        if "actor" in filters:
            # And to ask by user what they moved is to read the user.
            users = user_tables.users
            conditions.append(exists().where(users.c.id == stock_movements.c.actor_id, user_tables.visible_to(viewer)))
        return conditions

    def build(self, row: Row) -> StockMovement:
        return StockMovement(
            row.id,
            row.variant_id,
            row.warehouse_id,
            MovementKind(row.kind),
            row.quantity,
            row.on_hand_before,
            row.on_hand_after,
            row.reserved_before,
            row.reserved_after,
            row.order_id,
            row.actor_id,
            row.reason,
            row.reference,
            row.occurred_at,
        )
