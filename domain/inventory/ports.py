"""What queries and commands need to know of stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.catalog.ports import CatalogStore
from domain.inventory.changes import Cause, LevelChange
from domain.inventory.model import LockedLevel, MovementKind, Shortage, StockLevel, StockMovement, Warehouse
from domain.reading import Reader
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Tally:
    """What the movements of a level add up to, and how many units the reservations hold there."""

    on_hand: int
    reserved: int
    held: int


class StockGuard(Protocol):
    """The one place where stock levels change; each change writes its movement in the same transaction."""

    async def reserve(
        self, order_id: UUID, demand: Mapping[UUID, int], levels: Sequence[LockedLevel]
    ) -> Sequence[Shortage]:
        """Reserve units by variant id for an order, or nothing at all if any is short.

        `levels` are all those of the variants, locked.
        """
        ...

    async def release(self, order_id: UUID, reason: str | None) -> None:
        """Give back everything that is reserved for an order."""
        ...

    async def ship(self, order_id: UUID) -> Sequence[Shortage]:
        """Consume everything that is reserved for an order: the units leave the warehouses.

        Where units were promised ahead of a delivery that has not come, nothing changes, and the shortages name
        the units reserved and those on hand.
        """
        ...

    async def take_back(
        self, order_id: UUID, quantities: Mapping[UUID, int], reason: str | None, reference: str | None
    ) -> None:
        """Put units of an order, by variant id, back on hand.

        They go where they came from; units of which no shipment tells go to the first warehouse by priority.
        Services are passed over.
        """
        ...

    async def open(self, variant_id: UUID, warehouse_id: UUID) -> None:
        """Make an empty level unless there is one; also where two do it at once.

        To be called before any level is locked: it may wait for another transaction that makes the same level.
        """
        ...

    async def lock(self, variant_id: UUID, warehouse_ids: Sequence[UUID]) -> Sequence[LockedLevel]:
        """The levels of a variant in these warehouses, locked in key order until the transaction ends."""
        ...

    async def change(self, kind: MovementKind, changes: Sequence[LevelChange], cause: Cause) -> None:
        """Store changes of locked levels, each level at most once, with their movements and events."""
        ...

    async def set_reorder_point(self, level: LockedLevel, reorder_point: int) -> StockLevel:
        """Store the reorder point of a locked level, with its events; what it is already changes nothing."""
        ...

    async def tally(self, variant_id: UUID) -> Mapping[UUID, Tally]:
        """What the levels of a variant add up to, by level id; true as long as they are locked."""
        ...


class WarehouseStore(Protocol):
    """Warehouses, for commands."""

    async def by_codes(self, codes: Sequence[str]) -> Mapping[str, Warehouse]: ...


class InventoryUnitOfWork(UnitOfWork, Protocol):
    """The transaction of an inventory command."""

    @property
    def catalog(self) -> CatalogStore: ...

    @property
    def warehouses(self) -> WarehouseStore: ...

    @property
    def stock(self) -> StockGuard: ...


class StockLevelReader(Reader[StockLevel], Protocol):
    """Stock levels, for queries."""

    async def of_variants(self, viewer: Actor, variant_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[StockLevel]]: ...


WarehouseReader = Reader[Warehouse]
StockMovementReader = Reader[StockMovement]
