"""The one place where stock levels change. Every change leaves a movement in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.base import any_of, new_id, now
from db.inventory import reservations, stock_levels, stock_movements, warehouses
from domain.actor import Actor
from domain.inventory.model import Allocation, LockedLevel, MovementKind, Shortage, allocate


class SqlStockGuard:
    """Reserves and releases under row locks; the CHECK constraints of stock_levels stand behind it."""

    def __init__(self, connection: AsyncConnection, actor: Actor) -> None:
        self._connection, self._actor = connection, actor

    async def reserve(self, order_id: UUID, demand: Mapping[UUID, int]) -> Sequence[Shortage]:
        if not demand:
            return []
        levels = await self._lock(any_of(stock_levels.c.variant_id, list(demand)))
        allocations, shortages = allocate(demand, levels)
        if shortages or not allocations:
            return shortages
        rows = [{"order_id": order_id, "level_id": each.level.id, "quantity": each.quantity} for each in allocations]
        await self._connection.execute(insert(reservations), rows)
        await self._change(order_id, MovementKind.RESERVATION, allocations, None)
        return []

    async def release(self, order_id: UUID, reason: str | None) -> None:
        held = delete(reservations).where(reservations.c.order_id == order_id)
        taken = (await self._connection.execute(held.returning(reservations))).all()
        if not taken:
            return
        levels = await self._lock(any_of(stock_levels.c.id, [row.level_id for row in taken]))
        quantities = {row.level_id: row.quantity for row in taken}
        given_back = [Allocation(level, -quantities[level.id]) for level in levels]
        await self._change(order_id, MovementKind.RELEASE, given_back, reason)

    async def _lock(self, condition: Any) -> list[LockedLevel]:
        """Lock levels in the order of their key: transactions that lock the same rows queue, never circle."""
        query = (
            select(stock_levels, warehouses.c.priority)
            .join(warehouses)
            .where(condition)
            .order_by(stock_levels.c.variant_id, stock_levels.c.warehouse_id)
            .with_for_update(of=stock_levels)
        )
        rows = (await self._connection.execute(query)).all()
        return [
            LockedLevel(
                row.id,
                row.variant_id,
                row.warehouse_id,
                row.priority,
                row.on_hand,
                row.reserved,
                row.allow_backorder,
            )
            for row in rows
        ]

    async def _change(
        self, order_id: UUID, kind: MovementKind, changes: Sequence[Allocation], reason: str | None
    ) -> None:
        """Add to the reserved units of locked levels, and write the movements."""
        reserve = update(stock_levels).where(stock_levels.c.id == bindparam("level")).values(reserved=bindparam("to"))
        await self._connection.execute(
            reserve, [{"level": each.level.id, "to": each.level.reserved + each.quantity} for each in changes]
        )
        # Read after the locks were had: the start of the transaction may lie before a movement that we waited for.
        moment = now()
        movements = [
            {
                "id": new_id(),
                "variant_id": each.level.variant_id,
                "warehouse_id": each.level.warehouse_id,
                "kind": kind,
                "quantity": each.quantity,
                "on_hand_before": each.level.on_hand,
                "on_hand_after": each.level.on_hand,
                "reserved_before": each.level.reserved,
                "reserved_after": each.level.reserved + each.quantity,
                "order_id": order_id,
                "actor_id": self._actor.user_id,
                "reason": reason,
                "occurred_at": moment,
            }
            for each in changes
        ]
        await self._connection.execute(insert(stock_movements), movements)
