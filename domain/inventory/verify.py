"""Whether levels are what their movements and reservations add up to, and how a difference is mended.

What is stored on hand is what people counted on: orders were promised and goods were sent by it. A repair leaves it
as it is and adds the movement that is missing from the ledger. What is reserved is what the reservations of orders say.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.inventory.changes import Cause, LevelChange
from domain.inventory.model import LockedLevel, MovementKind
from domain.inventory.ports import InventoryUnitOfWork, Tally

REASON = "Repair: what was stored is not what the movements added up to."


@dataclass(frozen=True, slots=True)
class Difference:
    """A level that is not accounted for. A level that is gone, though it has movements, counts as empty."""

    variant_id: UUID
    warehouse_id: UUID
    sku: str
    warehouse: str
    on_hand: int
    reserved: int
    tally: Tally


def correction(level: LockedLevel, tally: Tally) -> LevelChange | None:
    """What brings the ledger to the level, and the reserved units to what the reservations say.

    It begins where the movements end. None where nothing is wrong, and where more is reserved than is on hand: which of
    the two is true, only a count can tell.
    """
    if (level.on_hand, level.reserved, level.reserved) == (tally.on_hand, tally.reserved, tally.held):
        return None
    if tally.held > level.on_hand and not level.allow_backorder:
        return None
    ledger = replace(level, on_hand=tally.on_hand, reserved=tally.reserved)
    return LevelChange(ledger, level.on_hand - tally.on_hand, tally.held - tally.reserved)


async def repair_levels(uow: InventoryUnitOfWork, differences: Sequence[Difference]) -> int:
    """Mend the differences that can be mended, one variant after the other, and return how many levels were."""
    by_variant: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for each in differences:
        by_variant[each.variant_id].append(each.warehouse_id)
    return sum([await _repair_variant(uow, *each) for each in by_variant.items()])


async def _repair_variant(uow: InventoryUnitOfWork, variant_id: UUID, warehouse_ids: Sequence[UUID]) -> int:
    async with uow:
        for warehouse_id in sorted(warehouse_ids):
            await uow.stock.open(variant_id, warehouse_id)
        levels = await uow.stock.lock(variant_id, warehouse_ids)
        # Added up again under the locks: the levels may have changed since they were found to differ.
        tallies = await uow.stock.tally(variant_id)
        changes = [change for level in levels if (change := correction(level, tallies[level.id]))]
        await uow.stock.change(MovementKind.ADJUSTMENT, changes, Cause(reason=REASON))
    return len(changes)
