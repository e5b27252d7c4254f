"""Place, approve, reject and cancel orders."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import strawberry

from domain.orders import commands, model
from domain.orders.model import NewLine
from graph.context import Info
from graph.errors import UserError, outcome
from graph.node import key_of
from graph.orders.types import Order

EXPECTED_VERSION: Any = strawberry.field(
    default=None, description="Refuse with VERSION_CONFLICT unless the order is at this version."
)
IDEMPOTENCY_KEY: Any = strawberry.field(
    default=None,
    description="A UUID of your making: a second request with it and the same input does nothing more.",
)


@strawberry.input(description="One line of a new order.")
class OrderLineInput:
    """What is wanted, and how much of it."""

    sku: str = strawberry.field(description="The SKU of the variant. Case matters.")
    quantity: int = strawberry.field(description="Units; 1 to 100 unless the shop is set otherwise.")


@strawberry.input(description="What `orderPlace` takes.")
class OrderPlaceInput:
    """A new order."""

    lines: list[OrderLineInput] = strawberry.field(description="1 to 100 lines; a SKU may occur more than once.")
    notes: str | None = strawberry.field(default=None, description="At most 1000 characters.")
    country: str | None = strawberry.field(default=None, description="Where it goes to; at most 60 characters.")
    customer_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Who buys; yourself unless given. For another customer you need `orders:write`.",
    )
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.input(description="What `orderApprove` takes.")
class OrderApproveInput:
    """An order, and how to retry safely."""

    id: strawberry.ID = strawberry.field(description="The order to approve.")
    expected_version: int | None = EXPECTED_VERSION
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.input(description="What `orderReject` takes.")
class OrderRejectInput:
    """An order, and how to retry safely."""

    id: strawberry.ID = strawberry.field(description="The order to reject.")
    reason: str | None = strawberry.field(
        default=None, description="Why; kept in the history. At most 1000 characters."
    )
    expected_version: int | None = EXPECTED_VERSION
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.input(description="What `orderCancel` takes.")
class OrderCancelInput:
    """An order, and how to retry safely."""

    id: strawberry.ID = strawberry.field(description="The order to cancel.")
    reason: str | None = strawberry.field(
        default=None, description="Why; kept in the history. At most 1000 characters."
    )
    expected_version: int | None = EXPECTED_VERSION
    idempotency_key: UUID | None = IDEMPOTENCY_KEY


@strawberry.type
class OrderPayload:
    """The order, or why nothing changed."""

    order: Order | None = strawberry.field(default=None, description="The order as it is now.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `orderPlace` answers.")
class OrderPlacePayload(OrderPayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderApprove` answers.")
class OrderApprovePayload(OrderPayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderReject` answers.")
class OrderRejectPayload(OrderPayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderCancel` answers.")
class OrderCancelPayload(OrderPayload):
    """The order, or why nothing changed."""


@strawberry.type
class OrderMutations:
    """Fields of Mutation about orders."""

    @strawberry.mutation(description="Place an order and reserve its goods: all of it or nothing.")
    async def order_place(self, info: Info, input: OrderPlaceInput) -> OrderPlacePayload:
        return await outcome(info, OrderPlacePayload, "order", _place(info, input))

    @strawberry.mutation(description="Accept a pending order. Needs `orders:approve`.")
    async def order_approve(self, info: Info, input: OrderApproveInput) -> OrderApprovePayload:
        work = _move(commands.approve_order, info, input.id, input.expected_version, input.idempotency_key)
        return await outcome(info, OrderApprovePayload, "order", work)

    @strawberry.mutation(description="Turn a pending order down and free its goods. Needs `orders:approve`.")
    async def order_reject(self, info: Info, input: OrderRejectInput) -> OrderRejectPayload:
        work = _move(commands.reject_order, info, input.id, input.expected_version, input.idempotency_key, input.reason)
        return await outcome(info, OrderRejectPayload, "order", work)

    @strawberry.mutation(
        description="Call off an order that has not shipped, and free its goods."
        " Needs `orders:write`, or that you placed it and it is still pending."
    )
    async def order_cancel(self, info: Info, input: OrderCancelInput) -> OrderCancelPayload:
        work = _move(commands.cancel_order, info, input.id, input.expected_version, input.idempotency_key, input.reason)
        return await outcome(info, OrderCancelPayload, "order", work)


async def _place(info: Info, input: OrderPlaceInput) -> model.Order:
    customer_id = None
    if input.customer_id is not None:
        customer_id = key_of(input.customer_id, "Customer", "input", "customerId")
    return await commands.place_order(
        info.context.unit_of_work(),
        info.context.viewer,
        [NewLine(line.sku, line.quantity) for line in input.lines],
        notes=input.notes,
        country=input.country,
        customer_id=customer_id,
        idempotency_key=input.idempotency_key,
        max_quantity=info.context.services.max_line_quantity,
    )


async def _move(
    command: Callable[..., Awaitable[model.Order]], info: Info, order_id: strawberry.ID, *arguments: Any
) -> model.Order:
    key = key_of(order_id, "Order", "input", "id")
    return await command(info.context.unit_of_work(), info.context.viewer, key, *arguments)
