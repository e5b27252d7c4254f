"""Receive, adjust and transfer stock, and say when it is low. Each command is one transaction.

A dry run does everything and undoes it: its answer is what the command would make, under the same locks and rules.
It claims no idempotency key.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from domain.actor import Actor
from domain.catalog.model import VariantKind
from domain.inventory import policy, rules
from domain.inventory.changes import Cause
from domain.inventory.model import LockedLevel, MovementKind, StockLevel
from domain.inventory.ports import InventoryUnitOfWork
from domain.refusals import ErrorCode, Refusal, Refused, UnknownSku, bad_input, not_found


@dataclass(frozen=True, slots=True)
class Transfer:
    """The two levels of a transfer."""

    from_level: StockLevel
    to_level: StockLevel


async def receive_stock(
    uow: InventoryUnitOfWork,
    actor: Actor,
    sku: str,
    warehouse: str,
    quantity: int,
    *,
    reason: str | None = None,
    reference: str | None = None,
    idempotency_key: UUID | None = None,
    dry_run: bool = False,
) -> StockLevel:
    """Put goods that came in on hand; makes the level where the variant never lay in that warehouse.

    Raises:
        Refused: as `_find` and `rules.received` say; UNAUTHENTICATED; FORBIDDEN; BAD_INPUT; IDEMPOTENCY_CONFLICT.
    """
    policy.must_change_stock(actor)
    _must(rules.check_quantity(quantity) + rules.check_words(reason, reference))
    async with _transaction(uow, dry_run):
        key = None if dry_run else idempotency_key
        made = await uow.claim(key, "stockReceive", (sku, warehouse, quantity, reason, reference))
        variant_id, [warehouse_id] = await _find(uow, sku, {"warehouse": warehouse})
        levels = await uow.stock.lock(variant_id, [warehouse_id])
        if not levels:
            await uow.stock.open(variant_id, warehouse_id)
            levels = await uow.stock.lock(variant_id, [warehouse_id])
        if made:
            return levels[0].level
        change = rules.received(levels[0], quantity)
        await uow.stock.change(MovementKind.RECEIPT, [change], Cause(None, reason, reference))
        await uow.settle(key, change.level.id)
    return change.result()


async def adjust_stock(
    uow: InventoryUnitOfWork,
    actor: Actor,
    sku: str,
    warehouse: str,
    delta: int,
    reason: str,
    *,
    expected_on_hand: int | None = None,
    idempotency_key: UUID | None = None,
    dry_run: bool = False,
) -> StockLevel:
    """Bring a level to what a count showed.

    Raises:
        Refused: as `_find`, `_lock_one` and `rules.adjusted` say; UNAUTHENTICATED; FORBIDDEN; BAD_INPUT;
            IDEMPOTENCY_CONFLICT.
    """
    policy.must_change_stock(actor)
    _must(rules.check_delta(delta) + rules.check_needed_reason(reason))
    async with _transaction(uow, dry_run):
        key = None if dry_run else idempotency_key
        made = await uow.claim(key, "stockAdjust", (sku, warehouse, delta, reason, expected_on_hand))
        level = await _lock_one(uow, sku, warehouse)
        if made:
            return level.level
        change = rules.adjusted(level, delta, expected_on_hand)
        await uow.stock.change(MovementKind.ADJUSTMENT, [change], Cause(None, reason))
        await uow.settle(key, level.id)
    return change.result()


async def transfer_stock(
    uow: InventoryUnitOfWork,
    actor: Actor,
    sku: str,
    from_warehouse: str,
    to_warehouse: str,
    quantity: int,
    *,
    reason: str | None = None,
    idempotency_key: UUID | None = None,
    dry_run: bool = False,
) -> Transfer:
    """Move units that are promised to nobody from one warehouse to another.

    Raises:
        Refused: as `_find` and `rules.transferred` say; NOT_FOUND where the variant never lay in the first
            warehouse; UNAUTHENTICATED; FORBIDDEN; BAD_INPUT; IDEMPOTENCY_CONFLICT.
    """
    policy.must_change_stock(actor)
    _must(rules.check_quantity(quantity) + rules.check_words(reason))
    if from_warehouse == to_warehouse:
        raise Refused(bad_input("A transfer is between two warehouses.", "input", "to"))
    async with _transaction(uow, dry_run):
        key = None if dry_run else idempotency_key
        made = await uow.claim(key, "stockTransfer", (sku, from_warehouse, to_warehouse, quantity, reason))
        variant_id, places = await _find(uow, sku, {"from": from_warehouse, "to": to_warehouse})
        # Before any lock is had: whoever makes a level may have to wait for another who makes the same one.
        await uow.stock.open(variant_id, places[1])
        by_place = {level.warehouse_id: level for level in await uow.stock.lock(variant_id, places)}
        if places[0] not in by_place:
            raise Refused(not_found("stock level", "input", "from"))
        source, target = (by_place[place] for place in places)
        if made:
            return Transfer(source.level, target.level)
        changes = rules.transferred(source, target, quantity)
        await uow.stock.change(MovementKind.TRANSFER, changes, Cause(None, reason))
        await uow.settle(key, source.id)
    return Transfer(changes[0].result(), changes[1].result())


async def set_reorder_point(
    uow: InventoryUnitOfWork,
    actor: Actor,
    sku: str,
    warehouse: str,
    reorder_point: int,
    *,
    idempotency_key: UUID | None = None,
) -> StockLevel:
    """Say at how many available units a level is low; 0 for never.

    Raises:
        Refused: as `_find` and `_lock_one` say; UNAUTHENTICATED; FORBIDDEN; BAD_INPUT; IDEMPOTENCY_CONFLICT.
    """
    policy.must_change_stock(actor)
    _must(rules.check_reorder_point(reorder_point))
    async with uow:
        made = await uow.claim(idempotency_key, "stockReorderPointSet", (sku, warehouse, reorder_point))
        level = await _lock_one(uow, sku, warehouse)
        if made:
            return level.level
        changed = await uow.stock.set_reorder_point(level, reorder_point)
        await uow.settle(idempotency_key, level.id)
    return changed


@asynccontextmanager
async def _transaction(uow: InventoryUnitOfWork, dry_run: bool) -> AsyncGenerator[None]:
    async with uow:
        yield
        if dry_run:
            uow.abandon()


def _must(refusals: Sequence[Refusal]) -> None:
    if refusals:
        raise Refused(*refusals)


async def _find(uow: InventoryUnitOfWork, sku: str, codes: Mapping[str, str]) -> tuple[UUID, list[UUID]]:
    """The keys of a variant and of warehouses, by the fields that name them.

    Raises:
        Refused: UNKNOWN_SKU; BAD_INPUT where the SKU is that of a service; NOT_FOUND for each unknown warehouse.
    """
    variant = (await uow.catalog.variants_by_sku({sku})).get(sku)
    if variant is None:
        raise Refused(UnknownSku(ErrorCode.UNKNOWN_SKU, f"No variant has the SKU {sku}.", ("input", "sku"), sku))
    if variant.kind is not VariantKind.GOODS:
        raise Refused(bad_input(f"{sku} is a service, of which there is no stock.", "input", "sku"))
    known = await uow.warehouses.by_codes(list(codes.values()))
    _must([not_found("warehouse", "input", field) for field, code in codes.items() if code not in known])
    return variant.id, [known[code].id for code in codes.values()]


async def _lock_one(uow: InventoryUnitOfWork, sku: str, warehouse: str) -> LockedLevel:
    """The locked level.

    Raises:
        Refused: as `_find` says; NOT_FOUND where the variant never lay in that warehouse.
    """
    variant_id, places = await _find(uow, sku, {"warehouse": warehouse})
    levels = await uow.stock.lock(variant_id, places)
    if not levels:
        raise Refused(not_found("stock level", "input", "warehouse"))
    return levels[0]
