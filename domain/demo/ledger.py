"""The stock of the demo shop: levels change only here, and every change leaves a movement."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.catalog.model import Variant
from domain.demo.dice import Dice
from domain.inventory.model import (
    LockedLevel,
    MovementKind,
    StockLevel,
    StockMovement,
    Warehouse,
    allocate,
)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of one level that are promised to an open order."""

    order_id: UUID
    level_id: UUID
    quantity: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """Why stock changes: what a movement says besides its numbers."""

    order_id: UUID | None = None
    actor_id: UUID | None = None
    reason: str | None = None
    reference: str | None = None


class Ledger:
    """Levels, reservations by order, and all movements in order of time."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.movements: list[StockMovement] = []
        self.reservations: dict[UUID, list[Reservation]] = {}
        self._levels: dict[UUID, LockedLevel] = {}
        self._reorder_points: dict[UUID, int] = {}
        self._of_variant: dict[UUID, list[UUID]] = {}

    def open(self, variant: Variant, warehouse: Warehouse, on_hand: int, reorder_point: int, moment: datetime) -> UUID:
        """Make a level with its first stock."""
        level_id = self._dice.id(moment)
        self._levels[level_id] = LockedLevel(
            level_id, variant.id, warehouse.id, warehouse.priority, 0, 0, variant.allow_backorder
        )
        self._reorder_points[level_id] = reorder_point
        self._of_variant.setdefault(variant.id, []).append(level_id)
        self.change(level_id, MovementKind.OPENING, on_hand, moment, Cause(reason="Opening stock."))
        return level_id

    def level(self, level_id: UUID) -> LockedLevel:
        return self._levels[level_id]

    def is_low(self, level_id: UUID) -> bool:
        return self._levels[level_id].available <= self._reorder_points[level_id]

    def available(self, variant_id: UUID) -> int:
        """Units of a variant that lie in any warehouse and are promised to nobody."""
        return sum(max(self._levels[level_id].available, 0) for level_id in self._of_variant[variant_id])

    def first_level(self, variant_id: UUID) -> UUID:
        """The level of a variant in the first warehouse that has it."""
        return self._of_variant[variant_id][0]

    def reserve(self, demand: Mapping[UUID, int], moment: datetime, cause: Cause) -> None:
        """Promise units by variant id to the order of the cause."""
        if cause.order_id is None:
            raise ValueError("Stock is reserved for an order.")
        levels = [self._levels[key] for variant_id in demand for key in self._of_variant[variant_id]]
        allocations, shortages = allocate(demand, levels)
        if shortages:
            raise ValueError(f"The demo shop would oversell: {shortages}")
        for each in allocations:
            self._write(each.level.id, MovementKind.RESERVATION, 0, each.quantity, moment, cause)
        self.reservations[cause.order_id] = [
            Reservation(cause.order_id, each.level.id, each.quantity, moment) for each in allocations
        ]

    def release(self, order_id: UUID, moment: datetime, cause: Cause) -> None:
        """Give back what an order has reserved."""
        for held in self.reservations.pop(order_id, []):
            self._write(held.level_id, MovementKind.RELEASE, 0, -held.quantity, moment, cause)

    def can_ship(self, order_id: UUID) -> bool:
        """Whether all goods of an order lie in the warehouses; some may be promised ahead of a delivery."""
        held = self.reservations.get(order_id, [])
        return all(self._levels[each.level_id].on_hand >= each.quantity for each in held)

    def ship(self, order_id: UUID, moment: datetime) -> None:
        """Send out what an order has reserved."""
        cause = Cause(order_id)
        for held in self.reservations.pop(order_id, []):
            self._write(held.level_id, MovementKind.SHIPMENT, -held.quantity, -held.quantity, moment, cause)

    def change(self, level_id: UUID, kind: MovementKind, quantity: int, moment: datetime, cause: Cause) -> None:
        """Change the units on hand."""
        self._write(level_id, kind, quantity, 0, moment, cause)

    def stock_levels(self) -> list[StockLevel]:
        """What is left of it all."""
        return [
            StockLevel(
                level.id,
                level.variant_id,
                level.warehouse_id,
                level.on_hand,
                level.reserved,
                self._reorder_points[level.id],
            )
            for level in self._levels.values()
        ]

    def _write(
        self, level_id: UUID, kind: MovementKind, on_hand: int, reserved: int, moment: datetime, cause: Cause
    ) -> None:
        before = self._levels[level_id]
        after = replace(before, on_hand=before.on_hand + on_hand, reserved=before.reserved + reserved)
        self._levels[level_id] = after
        self.movements.append(
            StockMovement(
                id=self._dice.id(moment),
                variant_id=before.variant_id,
                warehouse_id=before.warehouse_id,
                kind=kind,
                quantity=reserved if kind in {MovementKind.RESERVATION, MovementKind.RELEASE} else on_hand,
                on_hand_before=before.on_hand,
                on_hand_after=after.on_hand,
                reserved_before=before.reserved,
                reserved_after=after.reserved,
                order_id=cause.order_id,
                actor_id=cause.actor_id,
                reason=cause.reason,
                reference=cause.reference,
                occurred_at=moment,
            )
        )
