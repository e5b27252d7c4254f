"""What the mutations of orders answer."""

import strawberry

from domain.orders import bulk, effects, model
from graph.catalog.types import Variant
from graph.errors import UserError
from graph.fields import computed, relation
from graph.inventory.types import MovementKind, Warehouse
from graph.node import global_id, object_type
from graph.orders.enums import OrderStatus
from graph.orders.types import Order, OrderReturn
from graph.types import Money


@object_type(model.StockEffect, "How the stock of a variant in a warehouse changes.")
class StockEffect:
    """What a movement would be."""

    kind: MovementKind = strawberry.field(description="Why it changes.")
    quantity: int = strawberry.field(
        description="The signed change: of the reserved units for RESERVATION and RELEASE, else of those on hand."
    )
    variant: Variant | None = relation(Variant | None, "variant", "variant_id", "What moves.")
    warehouse: Warehouse | None = relation(Warehouse | None, "warehouse", "warehouse_id", "Where.")


@object_type(effects.OrderEffect, "What a mutation would change.")
class OrderEffect:
    """The answer of a rehearsal."""

    from_status: OrderStatus = strawberry.field(name="from", description="The state the order is in.")
    to_status: OrderStatus = strawberry.field(name="to", description="The state it would be in.")
    version: int = strawberry.field(description="The version it would be at.")
    stock: list[StockEffect] = strawberry.field(
        description="Each change of a stock level. Needs `inventory:read`, else empty."
    )
    credited: Money | None = strawberry.field(description="What a return would credit; null for other mutations.")


@strawberry.type(description="What `orderPlace` answers.")
class OrderPlacePayload:
    """The order, or why nothing changed."""

    order: Order | None = strawberry.field(default=None, description="The order as it is now.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type
class OrderMovePayload:
    """The order, or why nothing changed."""

    order: Order | None = strawberry.field(
        default=None, description="The order as it is now; with `dryRun` as it would be."
    )
    effect: OrderEffect | None = strawberry.field(
        default=None, description="With `dryRun`, what would change; null if it was done."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Why it was, or with `dryRun` would be, refused; empty if not."
    )


@strawberry.type(description="What `orderApprove` answers.")
class OrderApprovePayload(OrderMovePayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderReject` answers.")
class OrderRejectPayload(OrderMovePayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderShip` answers.")
class OrderShipPayload(OrderMovePayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderDeliver` answers.")
class OrderDeliverPayload(OrderMovePayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderCancel` answers.")
class OrderCancelPayload(OrderMovePayload):
    """The order, or why nothing changed."""


@strawberry.type(description="What `orderReturn` answers.")
class OrderReturnPayload(OrderMovePayload):
    """The order and the return, or why nothing changed."""

    order_return: OrderReturn | None = strawberry.field(
        default=None, description="What came back, as a credit note; null with `dryRun`."
    )


def _id(root: strawberry.Parent[bulk.BulkResult]) -> strawberry.ID:
    return strawberry.ID(global_id("Order", root.order_id))


def _refusals(root: strawberry.Parent[bulk.BulkResult]) -> list[UserError]:
    return list(root.refusals)  # pyright: ignore[reportReturnType]


@object_type(bulk.BulkResult, "What became of one of many orders.")
class OrderBulkResult:
    """One order of many."""

    id: strawberry.ID = computed(strawberry.ID, _id, "The id that was asked for.")
    order: Order | None = strawberry.field(description="The order as it is now; null if it was refused.")
    user_errors: list[UserError] = computed(
        list[UserError], _refusals, "Why this order was refused; empty if it was done."
    )


@strawberry.type
class OrderBulkPayload:
    """One result for each order, or why the request was refused as a whole."""

    results: list[OrderBulkResult] | None = strawberry.field(
        default=None, description="One for each id, in their order; null if the request was refused as a whole."
    )
    user_errors: list[UserError] = strawberry.field(
        description="Why the request was refused as a whole; empty if each order has its result."
    )


@strawberry.type(description="What `orderBulkApprove` answers.")
class OrderBulkApprovePayload(OrderBulkPayload):
    """One result for each order."""


@strawberry.type(description="What `orderBulkReject` answers.")
class OrderBulkRejectPayload(OrderBulkPayload):
    """One result for each order."""
