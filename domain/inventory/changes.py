"""Changes of stock levels: what they come to, why they happen, and the events that tell of them."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from domain.events.model import AggregateType, EventKind, NewEvent
from domain.inventory.model import LockedLevel, MovementKind, StockLevel

OF_RESERVED = frozenset({MovementKind.RESERVATION, MovementKind.RELEASE})
"""The kinds whose quantity counts reserved units; that of all others counts units on hand."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why stock changes: what a movement says besides its kind and numbers."""

    order_id: UUID | None = None
    reason: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Signed changes of a locked level: of its units on hand, and of those reserved."""

    level: LockedLevel
    on_hand: int = 0
    reserved: int = 0

    @property
    def on_hand_after(self) -> int:
        return self.level.on_hand + self.on_hand

    @property
    def reserved_after(self) -> int:
        return self.level.reserved + self.reserved

    def quantity(self, kind: MovementKind) -> int:
        """What a movement of this kind gives as its quantity."""
        return self.reserved if kind in OF_RESERVED else self.on_hand

    def result(self) -> StockLevel:
        """The level after the change."""
        level = self.level
        place = level.id, level.variant_id, level.warehouse_id
        return StockLevel(*place, self.on_hand_after, self.reserved_after, level.reorder_point)


def events_of_change(kind: MovementKind, change: LevelChange, cause: Cause) -> list[NewEvent]:
    """The events of one change, in sequence: that the level changed and, where it thereby became low, that too."""
    level, sequence = change.level, change.level.version + 1
    payload = {
        "kind": kind,
        "quantity": change.quantity(kind),
        "on_hand_before": level.on_hand,
        "on_hand_after": change.on_hand_after,
        "reserved_before": level.reserved,
        "reserved_after": change.reserved_after,
        **_place(level),
        "order_id": str(cause.order_id) if cause.order_id else None,
        "reason": cause.reason,
        "reference": cause.reference,
    }
    changed = NewEvent(EventKind.STOCK_CHANGED, AggregateType.STOCK_LEVEL, level.id, sequence, payload)
    return [changed, *_became_low(level, change.result(), sequence + 1)]


def events_of_reorder_point(level: LockedLevel, reorder_point: int) -> list[NewEvent]:
    """The events of a new reorder point, in sequence."""
    sequence = level.version + 1
    payload = {"before": level.reorder_point, "after": reorder_point, **_place(level)}
    changed = NewEvent(EventKind.REORDER_POINT_CHANGED, AggregateType.STOCK_LEVEL, level.id, sequence, payload)
    return [changed, *_became_low(level, replace(level.level, reorder_point=reorder_point), sequence + 1)]


def events_of_bulk_change(change: LevelChange) -> list[NewEvent]:
    """The events of one change among the many that a single event tells of: only where the level became low."""
    return _became_low(change.level, change.result(), change.level.version + 1)


def is_low(available: int, reorder_point: int) -> bool:
    """Whether it is time to reorder; a reorder point of 0 says never."""
    return reorder_point > 0 and available <= reorder_point


def _became_low(before: LockedLevel, after: StockLevel, sequence: int) -> list[NewEvent]:
    """The event of a level that was not low and now is: told once, not with every unit that goes after it."""
    if is_low(before.available, before.reorder_point) or not is_low(after.available, after.reorder_point):
        return []
    payload = {"available": after.available, "reorder_point": after.reorder_point, **_place(before)}
    return [NewEvent(EventKind.STOCK_LOW, AggregateType.STOCK_LEVEL, before.id, sequence, payload)]


def _place(level: LockedLevel) -> dict[str, Any]:
    return {
        "variant_id": str(level.variant_id),
        "sku": level.sku,
        "warehouse_id": str(level.warehouse_id),
        "warehouse": level.warehouse,
    }
