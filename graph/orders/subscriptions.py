"""Order-status changes, live."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from domain.events.model import Event, EventKind
from domain.orders import policy
from domain.reading import passes
from graph.context import Info
from graph.fields import relation
from graph.filters import DecimalFilter, EnumFilter, IDFilter, StringFilter, filters_of
from graph.node import object_type
from graph.orders.enums import OrderStatus
from graph.orders.types import Order
from graph.users.types import User


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change of state, as it goes out."""

    cursor: str
    occurred_at: datetime
    from_status: OrderStatus | None
    to_status: OrderStatus
    reason: str | None
    actor_id: UUID | None
    order_id: UUID


@object_type(StatusChange, "An order went from one state to another.")
class OrderStatusChange:
    """What `orderStatusChanged` tells."""

    cursor: str = strawberry.field(description="Opaque: subscribe with `after` this to go on from here.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    from_status: OrderStatus | None = strawberry.field(
        name="from", description="The state before; null for an order just placed."
    )
    to_status: OrderStatus = strawberry.field(name="to", description="The state now.")
    reason: str | None = strawberry.field(description="The reason that was given.")
    actor: User | None = relation(User | None, "user", "actor_id", "Who did it; null for the system or where hidden.")
    order: Order | None = relation(Order | None, "order", "order_id", "The order as it is now.")


@strawberry.input(description="Which changes; all conditions must hold.")
class OrderStatusChangeFilter:
    """The `filter` of `orderStatusChanged`."""

    from_status: EnumFilter[OrderStatus] | None = strawberry.field(
        name="from", default=None, description="The state before."
    )
    to_status: EnumFilter[OrderStatus] | None = strawberry.field(
        name="to", default=None, description="The state after."
    )
    order: IDFilter | None = strawberry.field(default=None, description="The order.")
    customer: IDFilter | None = strawberry.field(default=None, description="Who buys.")
    total: DecimalFilter | None = strawberry.field(
        default=None, description="The amount of the order's total, in the order's own currency."
    )
    currency: StringFilter | None = strawberry.field(
        default=None, description="The ISO 4217 code of the order's currency, for a shop that sells in several."
    )


@strawberry.type
class OrderSubscriptions:
    """Fields of Subscription about orders."""

    @strawberry.subscription(
        graphql_type=OrderStatusChange,
        description="Every change of state of an order, the placing included, as soon as it is committed."
        " Needs `orders:read`. With `after`, first what was missed since that cursor, in order.",
    )
    async def order_status_changed(
        self, info: Info, after: str | None = None, filter: OrderStatusChangeFilter | None = None
    ) -> AsyncGenerator[StatusChange]:
        policy.must_watch(info.context.viewer)
        filters = filters_of(filter)
        async with aclosing(info.context.events(info, after)) as events:
            async for event in events:
                if event.kind is EventKind.ORDER_STATUS_CHANGED and passes(filters, _facts(event)):
                    info.context.begin_telling()
                    yield _change(event, info.context.cursor(event))


def _facts(event: Event) -> dict[str, Any]:
    """What the filter compares; of an event that does not tell it, None, which passes no condition."""
    told = event.payload
    customer, total = told.get("customer_id"), told.get("total")
    return {
        "from_status": told["from"],
        "to_status": told["to"],
        "order": event.aggregate_id,
        "customer": UUID(customer) if customer else None,
        "total": Decimal(total) if total else None,
        "currency": told.get("currency"),
    }


def _change(event: Event, cursor: str) -> StatusChange:
    before, after = event.payload["from"], event.payload["to"]
    return StatusChange(
        cursor=cursor,
        occurred_at=event.occurred_at,
        from_status=OrderStatus(before) if before else None,
        to_status=OrderStatus(after),
        reason=event.payload.get("reason"),
        actor_id=event.actor_id,
        order_id=event.aggregate_id,
    )
