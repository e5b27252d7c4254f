"""Place orders, move them on, take them back."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from domain.orders.bulk import BulkResult, move_orders
from domain.orders.commands import place_order
from domain.orders.effects import Moved, Returned
from domain.orders.model import NewLine, NewReturnLine, Order, OrderAction
from domain.orders.moves import move_order
from domain.orders.returns import return_order
from graph.context import Info
from graph.errors import outcome
from graph.node import key_of
from graph.orders import inputs, payloads


@strawberry.type
class OrderMutations:
    """Fields of Mutation about orders."""

    @strawberry.mutation(description="Place an order and reserve its goods: all of it or nothing.")
    async def order_place(self, info: Info, input: inputs.OrderPlaceInput) -> payloads.OrderPlacePayload:
        return await outcome(info, payloads.OrderPlacePayload, "order", _place(info, input))

    @strawberry.mutation(description="Accept a pending order. Needs `orders:approve`.")
    async def order_approve(self, info: Info, input: inputs.OrderApproveInput) -> payloads.OrderApprovePayload:
        return await outcome(info, payloads.OrderApprovePayload, None, _move(info, OrderAction.APPROVE, input))

    @strawberry.mutation(description="Turn a pending order down and free its goods. Needs `orders:approve`.")
    async def order_reject(self, info: Info, input: inputs.OrderRejectInput) -> payloads.OrderRejectPayload:
        return await outcome(info, payloads.OrderRejectPayload, None, _move(info, OrderAction.REJECT, input))

    @strawberry.mutation(
        description="Send the goods of an approved order: what was reserved leaves the warehouses."
        " Needs `orders:write`."
    )
    async def order_ship(self, info: Info, input: inputs.OrderShipInput) -> payloads.OrderShipPayload:
        return await outcome(info, payloads.OrderShipPayload, None, _move(info, OrderAction.SHIP, input))

    @strawberry.mutation(description="Note that a shipped order has arrived. Needs `orders:write`.")
    async def order_deliver(self, info: Info, input: inputs.OrderDeliverInput) -> payloads.OrderDeliverPayload:
        return await outcome(info, payloads.OrderDeliverPayload, None, _move(info, OrderAction.DELIVER, input))

    @strawberry.mutation(
        description="Call off an order that has not shipped, and free its goods."
        " Needs `orders:write`, or that you placed it and it is still pending."
    )
    async def order_cancel(self, info: Info, input: inputs.OrderCancelInput) -> payloads.OrderCancelPayload:
        return await outcome(info, payloads.OrderCancelPayload, None, _move(info, OrderAction.CANCEL, input))

    @strawberry.mutation(
        description="Take back units of an order that has shipped, and credit them. The order is RETURNED once all"
        " units of all lines have come back, and keeps its state before that. Needs `orders:write`."
    )
    async def order_return(self, info: Info, input: inputs.OrderReturnInput) -> payloads.OrderReturnPayload:
        return await outcome(info, payloads.OrderReturnPayload, None, _return(info, input))

    @strawberry.mutation(
        description="Accept many pending orders, each for itself: one that is refused does not hinder the others."
        " Needs `orders:approve`."
    )
    async def order_bulk_approve(
        self, info: Info, input: inputs.OrderBulkApproveInput
    ) -> payloads.OrderBulkApprovePayload:
        work = _move_all(info, OrderAction.APPROVE, input.ids, input.idempotency_key)
        return await outcome(info, payloads.OrderBulkApprovePayload, "results", work)

    @strawberry.mutation(
        description="Turn many pending orders down, each for itself: one that is refused does not hinder the others."
        " Needs `orders:approve`."
    )
    async def order_bulk_reject(
        self, info: Info, input: inputs.OrderBulkRejectInput
    ) -> payloads.OrderBulkRejectPayload:
        work = _move_all(info, OrderAction.REJECT, input.ids, input.idempotency_key, input.reason)
        return await outcome(info, payloads.OrderBulkRejectPayload, "results", work)


async def _place(info: Info, input: inputs.OrderPlaceInput) -> Order:
    customer_id = None
    if input.customer_id is not None:
        customer_id = key_of(input.customer_id, "Customer", "input", "customerId")
    return await place_order(
        info.context.unit_of_work(),
        info.context.viewer,
        [NewLine(line.sku, line.quantity) for line in input.lines],
        notes=input.notes,
        country=input.country,
        customer_id=customer_id,
        idempotency_key=input.idempotency_key,
        max_quantity=info.context.services.max_line_quantity,
    )


async def _move(info: Info, action: OrderAction, input: inputs.MoveInput | inputs.ReasonedMoveInput) -> Moved:
    return await move_order(
        info.context.unit_of_work(),
        info.context.viewer,
        action,
        key_of(input.id, "Order", "input", "id"),
        expected_version=input.expected_version,
        idempotency_key=input.idempotency_key,
        reason=input.reason if isinstance(input, inputs.ReasonedMoveInput) else None,
        dry_run=input.dry_run,
    )


async def _return(info: Info, input: inputs.OrderReturnInput) -> Returned:
    lines = None
    if input.lines is not None:
        lines = [NewReturnLine(line.position, line.quantity) for line in input.lines]
    return await return_order(
        info.context.unit_of_work(),
        info.context.viewer,
        key_of(input.id, "Order", "input", "id"),
        lines,
        restock=input.restock,
        reason=input.reason,
        expected_version=input.expected_version,
        idempotency_key=input.idempotency_key,
        dry_run=input.dry_run,
    )


async def _move_all(
    info: Info, action: OrderAction, ids: Sequence[strawberry.ID], key: UUID | None, reason: str | None = None
) -> list[BulkResult]:
    orders = [key_of(each, "Order", "input", "ids", str(index)) for index, each in enumerate(ids)]
    uow, viewer = info.context.unit_of_work(), info.context.viewer
    return await move_orders(uow, viewer, action, orders, reason=reason, idempotency_key=key)
