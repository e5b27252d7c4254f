"""Warehouses, stock levels, movements, and the rule that spreads a demand over warehouses."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.value import value

LEVEL_MAX = 2**31 - 1
"""The most units that a level counts, on hand or reserved."""


class MovementKind(StrEnum):
    """Why a stock level changed."""

    OPENING = "OPENING"
    RECEIPT = "RECEIPT"
    RESERVATION = "RESERVATION"
    RELEASE = "RELEASE"
    SHIPMENT = "SHIPMENT"
    RETURN = "RETURN"
    WRITE_OFF = "WRITE_OFF"
    ADJUSTMENT = "ADJUSTMENT"
    TRANSFER = "TRANSFER"


@value
class Warehouse:
    """A place where goods lie. A lower `priority` is asked for goods first."""

    id: UUID
    code: str
    name: str
    priority: int


@value
class StockLevel:
    """How much of a variant lies in a warehouse: units on hand, of which some are reserved for orders."""

    id: UUID
    variant_id: UUID
    warehouse_id: UUID
    on_hand: int
    reserved: int
    reorder_point: int

    @property
    def available(self) -> int:
        """Units that can still be promised; negative where back-orders are promised."""
        return self.on_hand - self.reserved


@value
class StockMovement:
    """One line of the ledger: what changed a stock level, and from what to what.

    `quantity` is the signed change in units: of `reserved` for RESERVATION and RELEASE, else of `on_hand`.
    `reference` is the document it follows from, such as an invoice number.
    """

    id: UUID
    variant_id: UUID
    warehouse_id: UUID
    kind: MovementKind
    quantity: int
    on_hand_before: int
    on_hand_after: int
    reserved_before: int
    reserved_after: int
    order_id: UUID | None
    actor_id: UUID | None
    reason: str | None
    reference: str | None
    occurred_at: datetime


@value
class LockedLevel:
    """A stock level that the running transaction has locked, with what allocation and events need to know.

    `version` is the sequence of its last event; `sku` and `warehouse` are the names of what lies where.
    """

    id: UUID
    variant_id: UUID
    warehouse_id: UUID
    priority: int
    on_hand: int
    reserved: int
    allow_backorder: bool
    reorder_point: int = 0
    version: int = 0
    sku: str = ""
    warehouse: str = ""

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    @property
    def level(self) -> StockLevel:
        """The level as everybody sees it."""
        place = self.id, self.variant_id, self.warehouse_id
        return StockLevel(*place, self.on_hand, self.reserved, self.reorder_point)


@value
class Allocation:
    """Units of a variant in one warehouse: to reserve there, or to put there."""

    level: LockedLevel
    quantity: int


@value
class Shortage:
    """A demand that cannot be met: the units asked for in all, and those available over all warehouses."""

    variant_id: UUID
    requested: int
    available: int


def missing_to_ship(held: Mapping[UUID, int], levels: Sequence[LockedLevel]) -> list[Shortage]:
    """What cannot be shipped of the units held by level id: reserved ahead of a delivery, and not there yet.

    One shortage per variant, over those of its levels that lack units.
    """
    short = [level for level in levels if level.on_hand < held[level.id]]
    requested: Counter[UUID] = Counter()
    on_hand: Counter[UUID] = Counter()
    for level in short:
        requested[level.variant_id] += held[level.id]
        on_hand[level.variant_id] += level.on_hand
    return [Shortage(variant_id, requested[variant_id], on_hand[variant_id]) for variant_id in requested]


def places_to_take_back(
    quantities: Mapping[UUID, int], levels: Sequence[LockedLevel], shipped: Mapping[UUID, int]
) -> list[Allocation]:
    """Where units by variant id go when they come back from a customer.

    They go where they came from, first by priority: `shipped` says by level id how many units left and have not
    come back yet. What came from nowhere known goes to the first level by priority.
    """
    allocations: list[Allocation] = []
    for variant_id, quantity in quantities.items():
        places = sorted(
            (level for level in levels if level.variant_id == variant_id),
            key=lambda level: (level.priority, level.warehouse_id),
        )
        taken: dict[UUID, int] = {}
        for place in places:
            returned = sum(taken.values())
            taken[place.id] = min(quantity - returned, max(shipped.get(place.id, 0), 0))
        if places:
            taken[places[0].id] += quantity - sum(taken.values())
        allocations += [Allocation(place, taken[place.id]) for place in places if taken[place.id]]
    return allocations


def allocate(demand: Mapping[UUID, int], levels: Sequence[LockedLevel]) -> tuple[list[Allocation], list[Shortage]]:
    """Spread a demand (units by variant id) over the warehouses, first by priority.

    What the warehouses lack goes to the first of them that accepts back-orders. Without one, or where that one cannot
    count as many, it is a shortage.
    """
    allocations: list[Allocation] = []
    shortages: list[Shortage] = []
    for variant_id, requested in demand.items():
        places = sorted(
            (level for level in levels if level.variant_id == variant_id),
            key=lambda level: (level.priority, level.warehouse_id),
        )
        taken, missing = _take(places, requested)
        backorder = next((level for level in places if level.allow_backorder), None)
        if missing and (backorder is None or not _can_promise(backorder, taken.get(backorder.id, 0) + missing)):
            available = sum(max(level.available, 0) for level in places)
            shortages.append(Shortage(variant_id, requested, available))
            continue
        if missing and backorder is not None:
            taken[backorder.id] = taken.get(backorder.id, 0) + missing
        allocations += [Allocation(level, taken[level.id]) for level in places if level.id in taken]
    return allocations, shortages


def _can_promise(level: LockedLevel, units: int) -> bool:
    return level.reserved + units <= LEVEL_MAX


def _take(places: Iterable[LockedLevel], requested: int) -> tuple[dict[UUID, int], int]:
    """Units to take by level id, and how many are missing."""
    taken: dict[UUID, int] = {}
    for level in places:
        units = min(requested, max(level.available, 0))
        if units:
            taken[level.id] = units
            requested -= units
    return taken, requested
