"""What an order is, its states, and the one table of moves between them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from domain.events.model import EventKind
from domain.inventory.model import MovementKind
from domain.money import Money
from domain.refusals import ErrorCode, IllegalTransition, Refused, VersionConflict
from domain.value import value

NOTES_MAX = 1000
COUNTRY_MAX = 60


class OrderStatus(StrEnum):
    """Where an order stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


class OrderAction(StrEnum):
    """What somebody may do to an order."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"
    SHIP = "SHIP"
    DELIVER = "DELIVER"
    CANCEL = "CANCEL"
    RETURN = "RETURN"


MOVES: Mapping[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.PENDING: (OrderStatus.APPROVED, OrderStatus.REJECTED, OrderStatus.CANCELLED),
    OrderStatus.APPROVED: (OrderStatus.SHIPPED, OrderStatus.CANCELLED),
    OrderStatus.SHIPPED: (OrderStatus.DELIVERED, OrderStatus.RETURNED),
    OrderStatus.DELIVERED: (OrderStatus.RETURNED,),
    OrderStatus.REJECTED: (),
    OrderStatus.CANCELLED: (),
    OrderStatus.RETURNED: (),
}

TARGETS: Mapping[OrderAction, OrderStatus] = {
    OrderAction.APPROVE: OrderStatus.APPROVED,
    OrderAction.REJECT: OrderStatus.REJECTED,
    OrderAction.SHIP: OrderStatus.SHIPPED,
    OrderAction.DELIVER: OrderStatus.DELIVERED,
    OrderAction.CANCEL: OrderStatus.CANCELLED,
    OrderAction.RETURN: OrderStatus.RETURNED,
}


@value
class Order:
    """An order as it is now. `version` grows by one with each change and starts at 1."""

    id: UUID
    number: str
    customer_id: UUID | None
    placed_by: UUID | None
    status: OrderStatus
    total: Money
    country: str | None
    notes: str | None
    version: int
    placed_at: datetime
    updated_at: datetime

    def move_to(self, wanted: OrderStatus) -> Self:
        """The order one step further.

        Raises:
            Refused: ILLEGAL_TRANSITION, with the states that can be reached.
        """
        allowed = MOVES[self.status]
        if wanted not in allowed:
            raise Refused(illegal_transition(self, wanted))
        return replace(self, status=wanted, version=self.version + 1)

    def changed(self) -> Self:
        """The order after a change that leaves its state as it is."""
        return replace(self, version=self.version + 1)

    def must_be_version(self, expected: int | None) -> None:
        """Refuse with VERSION_CONFLICT unless `expected` is None or the current version."""
        if expected is not None and expected != self.version:
            message = f"Order {self.number} is at version {self.version}, not {expected}. Read it again."
            path = ("input", "expectedVersion")
            raise Refused(VersionConflict(ErrorCode.VERSION_CONFLICT, message, path, self.version))


@value
class OrderLine:
    """One line of an order; its place, counted from 1, is its key."""

    order_id: UUID
    position: int
    variant_id: UUID
    description: str | None
    quantity: int
    unit_price: Money

    @property
    def total(self) -> Money:
        return self.unit_price.times(self.quantity)


@value
class NewLine:
    """What a caller asks for in one line."""

    sku: str
    quantity: int


@value
class AllowedAction:
    """Whether an action can be taken now, by this person, and if not, why."""

    action: OrderAction
    allowed: bool
    reason: str | None


@value
class OrderEvent:
    """A line of an order's history. `version` is that of the order after it."""

    kind: EventKind
    version: int
    from_status: OrderStatus | None
    to_status: OrderStatus | None
    reason: str | None
    actor_id: UUID | None
    occurred_at: datetime


@value
class NewReturnLine:
    """What is to come back of one line."""

    position: int
    quantity: int


@value
class StockEffect:
    """How the stock of a variant in a warehouse changes; the quantity is signed as that of a movement."""

    variant_id: UUID
    warehouse_id: UUID
    kind: MovementKind
    quantity: int


@value
class OrderReturn:
    """Goods taken back: a credit note that names its order only where that is known."""

    id: UUID
    number: str
    order_id: UUID | None
    customer_id: UUID | None
    country: str | None
    total: Money
    returned_at: datetime


@value
class ReturnLine:
    """One line of a return, with a positive quantity; its place, counted from 1, is its key."""

    return_id: UUID
    position: int
    order_id: UUID | None
    order_line_position: int | None
    variant_id: UUID
    description: str | None
    quantity: int
    unit_price: Money

    @property
    def total(self) -> Money:
        return self.unit_price.times(self.quantity)


@value
class Adjustment:
    """A correction of the books with no goods, such as a bad debt; the amount may be negative."""

    id: UUID
    number: str
    position: int
    reason: str | None
    amount: Money
    country: str | None
    adjusted_at: datetime


def status_change(order: Order, before: OrderStatus | None, reason: str | None) -> Mapping[str, Any]:
    """The payload of ORDER_STATUS_CHANGED: what happened, and what subscribers filter by without a read."""
    return {
        "from": before,
        "to": order.status,
        "number": order.number,
        "reason": reason,
        "customer_id": str(order.customer_id) if order.customer_id else None,
        "total": format(order.total.amount, "f"),
        "currency": order.total.currency_code,
    }


def illegal_transition(order: Order, wanted: OrderStatus) -> IllegalTransition:
    """The refusal of a move that the table does not have."""
    allowed = tuple(MOVES[order.status])
    message = f"Order {order.number} is {order.status} and cannot become {wanted}."
    return IllegalTransition(ErrorCode.ILLEGAL_TRANSITION, message, ("input", "id"), order.status, wanted, allowed)
