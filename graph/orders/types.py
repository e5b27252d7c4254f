"""Order, order line, return, adjustment, and what can be done to an order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from domain.orders import model, policy
from graph.catalog.types import Variant
from graph.context import Info
from graph.customers.types import Customer
from graph.events.enums import EventKind
from graph.fields import batched, relation
from graph.node import Node, node_type, object_type
from graph.orders.enums import OrderAction, OrderStatus
from graph.types import Money
from graph.users.types import User

LazyOrder = Annotated["Order", strawberry.lazy("graph.orders.types")]


@object_type(model.AllowedAction, "Whether you can do something to an order now.")
class AllowedAction:
    """An action, and why not."""

    action: OrderAction = strawberry.field(description="What is to be done.")
    allowed: bool = strawberry.field(description="Whether you can do it now.")
    reason: str | None = strawberry.field(description="Why not; null if you can.")


@object_type(model.OrderLine, "One line of an order.")
class OrderLine:
    """An order line; its place in the order is its key."""

    position: int = strawberry.field(description="The place of the line, which is its key. Counted from 1.")
    description: str | None = strawberry.field(description="What the line was called when it was placed.")
    quantity: int = strawberry.field(description="Units ordered.")
    unit_price: Money = strawberry.field(description="The price of one unit when it was placed.")
    total: Money = strawberry.field(description="Quantity times unit price, exact.")
    variant: Variant | None = relation(Variant | None, "variant", "variant_id", "What was ordered.")


@object_type(model.ReturnLine, "One line of a return.")
class ReturnLine:
    """A return line; its place in the return is its key."""

    position: int = strawberry.field(description="The place of the line, which is its key. Counted from 1.")
    description: str | None = strawberry.field(description="What the line was called.")
    quantity: int = strawberry.field(description="Units taken back; positive.")
    unit_price: Money = strawberry.field(description="What was credited for one unit.")
    total: Money = strawberry.field(description="Quantity times unit price, exact.")
    order_line_position: int | None = strawberry.field(
        description="The place of the order line that is taken back, where it is known."
    )
    variant: Variant | None = relation(Variant | None, "variant", "variant_id", "What came back.")


@node_type(model.OrderReturn, "order_return", "Goods taken back: a credit note.")
class OrderReturn(Node):
    """A return, which names its order only where that is known."""

    number: str = strawberry.field(description="The number of the credit note.")
    country: str | None = strawberry.field(description="The country it came from, as the shop writes it.")
    total: Money = strawberry.field(description="What was credited; positive.")
    returned_at: datetime = strawberry.field(description="When the goods were taken back.")
    customer: Customer | None = relation(Customer | None, "customer", "customer_id", "Who sent them back.")
    order: LazyOrder | None = relation(LazyOrder | None, "order", "order_id", "The order, where it is known.")
    lines: list[ReturnLine] = relation(list[ReturnLine], "lines_of_return", "id", "The lines, by place.")


@node_type(model.Adjustment, "adjustment", "A correction of the books with no goods, such as a bad debt.")
class Adjustment(Node):
    """An adjustment."""

    number: str = strawberry.field(description="The number of the document.")
    position: int = strawberry.field(description="The place in the document. Counted from 1.")
    reason: str | None = strawberry.field(description="Why the books were corrected.")
    amount: Money = strawberry.field(description="The correction; it may be negative.")
    country: str | None = strawberry.field(description="The country, as the shop writes it.")
    adjusted_at: datetime = strawberry.field(description="When the books were corrected.")


@object_type(model.OrderEvent, "A line of an order's history.")
class OrderEvent:
    """What happened to an order."""

    kind: EventKind = strawberry.field(description="What happened.")
    version: int = strawberry.field(description="The version of the order from then on.")
    from_status: OrderStatus | None = strawberry.field(
        name="from", description="The state before; null for an order just placed."
    )
    to_status: OrderStatus | None = strawberry.field(name="to", description="The state after.")
    reason: str | None = strawberry.field(description="The reason that was given.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    actor: User | None = relation(User | None, "user", "actor_id", "Who did it; null for the system or where hidden.")


async def _allowed_actions(roots: Sequence[model.Order], info: Info) -> list[list[model.AllowedAction]]:
    viewer = info.context.viewer
    # Only for these orders what came back makes a difference: most need no statement.
    keys = [root.id if policy.may_come_back(viewer, root) else None for root in roots]
    left = await info.context.loaders.units_left_of_order.load_all(keys)
    return [policy.allowed_actions(viewer, root, units) for root, units in zip(roots, left, strict=True)]


@node_type(model.Order, "order", "An order.")
class Order(Node):
    """An order with its lines."""

    number: str = strawberry.field(description="The number people use.")
    status: OrderStatus = strawberry.field(description="Where it stands.")
    version: int = strawberry.field(description="Grows by one with each change; for `expectedVersion`.")
    total: Money = strawberry.field(description="The sum of its lines, exact.")
    country: str | None = strawberry.field(description="Where it was sold to, as the shop writes it.")
    notes: str | None = strawberry.field(description="What was noted when it was placed.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    customer: Customer | None = relation(Customer | None, "customer", "customer_id", "Who buys.")
    placed_by: User | None = relation(User | None, "user", "placed_by", "The user who placed it.")
    lines: list[OrderLine] = relation(list[OrderLine], "lines_of_order", "id", "The lines, by place.")
    returns: list[OrderReturn] = relation(list[OrderReturn], "returns_of_order", "id", "What was sent back.")
    events: list[OrderEvent] = relation(
        list[OrderEvent], "events_of_order", "id", "Its history, oldest first; imported orders begin without one."
    )

    allowed_actions: list[AllowedAction] = batched(
        list[AllowedAction], _allowed_actions, "Each action with whether you can take it now and, if not, why."
    )
