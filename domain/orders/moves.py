"""Approve, reject, ship, deliver and cancel orders. Each command is one transaction."""

from collections.abc import Sequence
from uuid import UUID

from domain.actor import Actor
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.inventory.model import Shortage
from domain.orders import policy
from domain.orders.effects import Moved, rehearsed
from domain.orders.model import NOTES_MAX, TARGETS, Order, OrderAction, OrderStatus, status_change
from domain.orders.ports import OrdersUnitOfWork
from domain.refusals import ErrorCode, InsufficientStock, Refusal, Refused, bad_input, not_found


async def move_order(
    uow: OrdersUnitOfWork,
    actor: Actor,
    action: OrderAction,
    order_id: UUID,
    *,
    expected_version: int | None = None,
    idempotency_key: UUID | None = None,
    reason: str | None = None,
    dry_run: bool = False,
) -> Moved:
    """Take an action on an order; any but RETURN, which needs to know what came back.

    With `dry_run` all is done and then undone, the key is left alone, and the effect is told.

    Raises:
        Refused: NOT_FOUND, also where the actor may not know of the order; FORBIDDEN; VERSION_CONFLICT;
            ILLEGAL_TRANSITION; IDEMPOTENCY_CONFLICT; INSUFFICIENT_STOCK for each SKU that cannot ship.
    """
    must_be_short(reason)
    key = None if dry_run else idempotency_key
    async with uow:
        request = (str(order_id), expected_version, reason)
        if made := await uow.claim(key, f"order{action.capitalize()}", request):
            return Moved(await known(uow, made))
        order = await locked(uow, actor, action, order_id, expected_version)
        moved = await take(uow, action, order, reason)
        await uow.settle(key, order.id)
        return Moved(moved, await rehearsed(uow, actor, order, moved) if dry_run else None)


async def locked(
    uow: OrdersUnitOfWork, actor: Actor, action: OrderAction, order_id: UUID, expected_version: int | None
) -> Order:
    """The order, locked, on which the actor can take the action now. Refuses as `move_order` does."""
    order = await uow.orders.get_for_update(actor, order_id)
    if order is None:
        raise Refused(not_found("order", "input", "id"))
    order.must_be_version(expected_version)
    order.move_to(TARGETS[action])
    policy.must(actor, action, order)
    return order


async def take(uow: OrdersUnitOfWork, action: OrderAction, order: Order, reason: str | None) -> Order:
    """Take an action on a locked order: its state, its goods, its event."""
    moved = await uow.orders.save(order.move_to(TARGETS[action]))
    if action in {OrderAction.REJECT, OrderAction.CANCEL}:
        await uow.stock.release(order.id, reason)
    if action is OrderAction.SHIP and (shortages := await uow.stock.ship(order.id)):
        raise Refused(*await _not_on_hand(uow, shortages))
    record_move(uow, moved, order.status, reason)
    return moved


async def known(uow: OrdersUnitOfWork, order_id: UUID) -> Order:
    """The order that an earlier request with the same key has made or moved."""
    order = await uow.orders.get(order_id)
    if order is None:
        raise Refused(not_found("order", "input", "idempotencyKey"))
    return order


def must_be_short(reason: str | None) -> None:
    """Refuse a reason that is too long to be kept."""
    if reason is not None and len(reason) > NOTES_MAX:
        raise Refused(bad_input(f"A reason has at most {NOTES_MAX} characters.", "input", "reason"))


def record_move(uow: OrdersUnitOfWork, order: Order, before: OrderStatus | None, reason: str | None = None) -> None:
    """Record that an order has come into its state."""
    payload = status_change(order, before, reason)
    uow.record(NewEvent(EventKind.ORDER_STATUS_CHANGED, AggregateType.ORDER, order.id, order.version, payload))


async def _not_on_hand(uow: OrdersUnitOfWork, shortages: Sequence[Shortage]) -> list[Refusal]:
    variants = await uow.catalog.variants_by_id([shortage.variant_id for shortage in shortages])
    refusals: list[Refusal] = []
    for shortage in sorted(shortages, key=lambda each: variants[each.variant_id].sku):
        sku = variants[shortage.variant_id].sku
        message = f"{shortage.requested} of {sku} are to ship, {shortage.available} are on hand."
        facts = (sku, shortage.requested, shortage.available)
        refusals.append(InsufficientStock(ErrorCode.INSUFFICIENT_STOCK, message, ("input", "id"), *facts))
    return refusals
