"""The one place where stock levels change. Every change leaves a movement and events in the same transaction."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert

from db.base import any_of, new_id, now
from db.catalog import variants
from db.engine import Transaction
from db.inventory import reservations, stock_levels, stock_movements, warehouses
from db.inventory_verify import tally
from db.statements import Row
from domain.actor import Actor
from domain.catalog.model import VariantKind
from domain.events.model import NewEvent
from domain.inventory import rules
from domain.inventory.changes import Cause, LevelChange, events_of_change, events_of_reorder_point
from domain.inventory.model import (
    LockedLevel,
    MovementKind,
    Shortage,
    StockLevel,
    allocate,
    missing_to_ship,
    places_to_take_back,
)
from domain.inventory.ports import Tally


class SqlStockGuard:
    """Changes levels under row locks; the CHECK constraints of stock_levels stand behind it.

    `record` takes the events of each change.
    """

    def __init__(self, connection: Transaction, actor: Actor, record: Callable[[NewEvent], None]) -> None:
        self._connection, self._actor, self._record = connection, actor, record

    async def reserve(
        self, order_id: UUID, demand: Mapping[UUID, int], levels: Sequence[LockedLevel]
    ) -> Sequence[Shortage]:
        allocations, shortages = allocate(demand, levels)
        if shortages or not allocations:
            return shortages
        rows = [{"order_id": order_id, "level_id": each.level.id, "quantity": each.quantity} for each in allocations]
        await self._connection.insert(reservations, rows)
        changes = [LevelChange(each.level, reserved=each.quantity) for each in allocations]
        await self.change(MovementKind.RESERVATION, changes, Cause(order_id))
        return []

    async def release(self, order_id: UUID, reason: str | None) -> None:
        held = delete(reservations).where(reservations.c.order_id == order_id)
        taken = (await self._connection.execute(held.returning(reservations))).all()
        if not taken:
            return
        quantities = {row.level_id: row.quantity for row in taken}
        levels = await self._lock(any_of(stock_levels.c.id, list(quantities)))
        changes = [LevelChange(level, reserved=-quantities[level.id]) for level in levels]
        await self.change(MovementKind.RELEASE, changes, Cause(order_id, reason))

    async def ship(self, order_id: UUID) -> Sequence[Shortage]:
        of_order = reservations.c.order_id == order_id
        rows = (await self._connection.execute(select(reservations).where(of_order))).all()
        if not rows:
            return []
        held = {row.level_id: row.quantity for row in rows}
        levels = await self._lock(any_of(stock_levels.c.id, list(held)))
        if shortages := missing_to_ship(held, levels):
            return shortages
        await self._connection.execute(delete(reservations).where(of_order))
        changes = [LevelChange(level, -held[level.id], -held[level.id]) for level in levels]
        await self.change(MovementKind.SHIPMENT, changes, Cause(order_id))
        return []

    async def take_back(
        self, order_id: UUID, quantities: Mapping[UUID, int], reason: str | None, reference: str | None
    ) -> None:
        if not quantities:
            return
        # Before any lock is had: whoever makes a level may have to wait for another who makes the same one.
        await self._open_first(quantities)
        levels = await self._lock(any_of(stock_levels.c.variant_id, list(quantities)))
        places = places_to_take_back(quantities, levels, await self._shipped(order_id))
        await self.change(MovementKind.RETURN, rules.taken_back(places), Cause(order_id, reason, reference))

    async def open(self, variant_id: UUID, warehouse_id: UUID) -> None:
        await self._open(literal(warehouse_id), variants.c.id == variant_id)

    async def lock(self, variant_id: UUID, warehouse_ids: Sequence[UUID]) -> Sequence[LockedLevel]:
        there = any_of(stock_levels.c.warehouse_id, warehouse_ids)
        return await self._lock((stock_levels.c.variant_id == variant_id) & there)

    async def set_reorder_point(self, level: LockedLevel, reorder_point: int) -> StockLevel:
        if reorder_point != level.reorder_point:
            events = events_of_reorder_point(level, reorder_point)
            values = {"id": level.id, "reorder_point": reorder_point, "version": events[-1].sequence}
            await self._connection.update(stock_levels, [values])
            self._tell(events)
        return replace(level.level, reorder_point=reorder_point)

    async def tally(self, variant_id: UUID) -> Mapping[UUID, Tally]:
        return await tally(self._connection, variant_id)

    async def _open_first(self, variant_ids: Collection[UUID]) -> None:
        """Make a level in the first warehouse by priority for each of the variants that has none at all."""
        first = select(warehouses.c.id).order_by(warehouses.c.priority, warehouses.c.id).limit(1).scalar_subquery()
        none_yet = ~exists().where(stock_levels.c.variant_id == variants.c.id)
        await self._open(first, any_of(variants.c.id, list(variant_ids)) & none_yet)

    async def _open(self, warehouse_id: Any, which: Any) -> None:
        """Make the empty levels of goods in a warehouse where there are none; safe when two do it at once."""
        goods = (
            select(variants.c.id, warehouse_id, variants.c.allow_backorder)
            .where(which, variants.c.kind == VariantKind.GOODS)
            .order_by(variants.c.id)
        )
        columns = ["variant_id", "warehouse_id", "allow_backorder"]
        await self._connection.execute(upsert(stock_levels).from_select(columns, goods).on_conflict_do_nothing())

    async def _shipped(self, order_id: UUID) -> dict[UUID, int]:
        """The units by level id that left for an order and have not come back."""
        here = (stock_levels.c.variant_id == stock_movements.c.variant_id) & (
            stock_levels.c.warehouse_id == stock_movements.c.warehouse_id
        )
        kinds = (MovementKind.SHIPMENT, MovementKind.RETURN)
        query = (
            select(stock_levels.c.id, (-func.sum(stock_movements.c.quantity)).label("units"))
            .join(stock_movements, here)
            .where(stock_movements.c.order_id == order_id, any_of(stock_movements.c.kind, kinds))
            .group_by(stock_levels.c.id)
        )
        return {row.id: row.units for row in (await self._connection.execute(query)).all()}

    async def _lock(self, condition: ColumnElement[bool]) -> list[LockedLevel]:
        return [LockedLevel(*row) for row in (await self._connection.execute(locked_levels(condition))).all()]

    async def change(self, kind: MovementKind, changes: Sequence[LevelChange], cause: Cause) -> None:
        if not changes:
            return
        events = [events_of_change(kind, each, cause) for each in changes]
        rows = [
            {
                "id": each.level.id,
                "on_hand": each.on_hand_after,
                "reserved": each.reserved_after,
                "version": of_level[-1].sequence,
            }
            for each, of_level in zip(changes, events, strict=True)
        ]
        await self._connection.update(stock_levels, rows)
        await self._connection.insert(stock_movements, self._movements(kind, changes, cause))
        self._tell(event for of_level in events for event in of_level)

    def _tell(self, events: Iterable[NewEvent]) -> None:
        for event in events:
            self._record(event)

    def _movements(self, kind: MovementKind, changes: Sequence[LevelChange], cause: Cause) -> list[dict[str, Any]]:
        # Read after the locks were had: the start of the transaction may lie before a movement that we waited for.
        moment = now()
        return [
            {
                "id": new_id(),
                "variant_id": each.level.variant_id,
                "warehouse_id": each.level.warehouse_id,
                "kind": kind,
                "quantity": each.quantity(kind),
                "on_hand_before": each.level.on_hand,
                "on_hand_after": each.on_hand_after,
                "reserved_before": each.level.reserved,
                "reserved_after": each.reserved_after,
                "order_id": cause.order_id,
                "actor_id": self._actor.user_id,
                "reason": cause.reason,
                "reference": cause.reference,
                "occurred_at": moment,
            }
            for each in changes
        ]


LOCKED: Sequence[ColumnElement[Any]] = (
    stock_levels.c.id,
    stock_levels.c.variant_id,
    stock_levels.c.warehouse_id,
    warehouses.c.priority,
    stock_levels.c.on_hand,
    stock_levels.c.reserved,
    stock_levels.c.allow_backorder,
    stock_levels.c.reorder_point,
    stock_levels.c.version,
    variants.c.sku,
    warehouses.c.code,
)
"""What is told of a level that was locked, in the order of the model's attributes."""


def locked_levels(condition: ColumnElement[bool]) -> Select[Any]:
    """Locks levels in the order of their key: transactions that lock the same rows queue, never circle."""
    return (
        select(*LOCKED)
        .join(warehouses, warehouses.c.id == stock_levels.c.warehouse_id)
        .join(variants, variants.c.id == stock_levels.c.variant_id)
        .where(condition)
        .order_by(stock_levels.c.variant_id, stock_levels.c.warehouse_id)
        .with_for_update(of=stock_levels)
    )


def to_locked(row: Row) -> LockedLevel:
    """The level in a row that was locked, with the names of what lies where."""
    return LockedLevel(
        row.id,
        row.variant_id,
        row.warehouse_id,
        row.priority,
        row.on_hand,
        row.reserved,
        row.allow_backorder,
        row.reorder_point,
        row.version,
        row.sku,
        row.code,
    )
