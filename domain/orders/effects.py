"""What a command did to an order, or would do: the answer of a rehearsal."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.actor import Actor
from domain.money import Money
from domain.orders.model import Order, OrderReturn, OrderStatus, StockEffect
from domain.orders.ports import OrdersUnitOfWork


@dataclass(frozen=True, slots=True)
class OrderEffect:
    """What a command would change: state, version, stock and, for a return, what is credited."""

    from_status: OrderStatus
    to_status: OrderStatus
    version: int
    stock: Sequence[StockEffect]
    credited: Money | None


@dataclass(frozen=True, slots=True)
class Moved:
    """An order after a move; with its effect where the move was only rehearsed."""

    order: Order
    effect: OrderEffect | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """An order after a return; a rehearsal has an effect and no return."""

    order: Order
    order_return: OrderReturn | None
    effect: OrderEffect | None = None


async def rehearsed(
    uow: OrdersUnitOfWork, actor: Actor, before: Order, after: Order, credited: Money | None = None
) -> OrderEffect:
    """What the running transaction has done to an order, which is then undone.

    The command ran in earnest up to here, so that a rehearsal cannot promise what the command would not do.
    """
    stock = await uow.movements.just_made(actor, after.id)
    uow.abandon()
    return OrderEffect(before.status, after.status, after.version, stock, credited)
