"""Approve or reject many orders at once, each in a transaction of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from domain.actor import Actor
from domain.orders.model import Order, OrderAction
from domain.orders.moves import move_order, must_be_short
from domain.orders.ports import OrdersUnitOfWork
from domain.refusals import Refusal, Refused, bad_input

BULK_MAX = 100


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one of many orders."""

    order_id: UUID
    order: Order | None
    refusals: Sequence[Refusal]


async def move_orders(
    uow: OrdersUnitOfWork,
    actor: Actor,
    action: OrderAction,
    order_ids: Sequence[UUID],
    *,
    reason: str | None = None,
    idempotency_key: UUID | None = None,
) -> list[BulkResult]:
    """Take one action on each of many orders, in their order; one that is refused does not undo the others.

    Each order has a key of its own, made of the given one and its id, so that a repeated request changes nothing
    that the first has changed.

    Raises:
        Refused: BAD_INPUT for the request as a whole.
    """
    must_be_short(reason)
    if refusals := check_bulk(order_ids):
        raise Refused(*refusals)
    results: list[BulkResult] = []
    for index, order_id in enumerate(order_ids):
        key = uuid5(idempotency_key, str(order_id)) if idempotency_key else None
        try:
            moved = await move_order(uow, actor, action, order_id, reason=reason, idempotency_key=key)
            results.append(BulkResult(order_id, moved.order, ()))
        except Refused as refused:
            results.append(BulkResult(order_id, None, [_placed(refusal, index) for refusal in refused.refusals]))
    return results


def check_bulk(order_ids: Sequence[UUID]) -> list[Refusal]:
    """Every written rule that the list of orders breaks; empty if it breaks none."""
    if not 1 <= len(order_ids) <= BULK_MAX:
        return [bad_input(f"At once, 1 to {BULK_MAX} orders.", "input", "ids")]
    times = Counter(order_ids)
    return [
        bad_input("An order is named once.", "input", "ids", str(index))
        for index, order_id in enumerate(order_ids)
        if times[order_id] > 1
    ]


def _placed(refusal: Refusal, index: int) -> Refusal:
    """The refusal of one order, with the place where the request names it."""
    return replace(refusal, field=("input", "ids", str(index))) if refusal.field == ("input", "id") else refusal
