"""Refusals that speak of orders and their lines."""

import strawberry

from domain import refusals
from graph.errors import UserError
from graph.node import object_type
from graph.orders.enums import OrderStatus


@object_type(refusals.IllegalTransition, "The order cannot go from its state to the wanted one.")
class IllegalTransition(UserError):
    """A move that the table of moves does not have."""

    from_status: OrderStatus = strawberry.field(name="from", description="The state the order is in.")
    to_status: OrderStatus = strawberry.field(name="to", description="The state that was wanted.")
    allowed: list[OrderStatus] = strawberry.field(description="The states it can go to.")


@object_type(refusals.InsufficientStock, "Less is available than is asked for.")
class InsufficientStock(UserError):
    """A demand that the stock cannot meet."""

    sku: str = strawberry.field(description="The SKU that is short.")
    requested: int = strawberry.field(description="Units asked for; by an order, over all its lines of this SKU.")
    available: int = strawberry.field(
        description="Units available; for an order, over all warehouses. To ship: on hand."
    )


@object_type(refusals.ReturnExceeds, "More of an order line was to come back than was ordered and is not back yet.")
class ReturnExceeds(UserError):
    """A return of too many units."""

    position: int = strawberry.field(description="The place of the order line.")
    requested: int = strawberry.field(description="Units that were to come back.")
    returnable: int = strawberry.field(description="Units that still can.")


@object_type(refusals.UnknownSku, "No variant has this SKU.")
class UnknownSku(UserError):
    """A line that names nothing."""

    sku: str = strawberry.field(description="The SKU that was asked for.")
