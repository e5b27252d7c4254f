"""Changes of stock, live."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import strawberry

from domain.events.model import Event, EventKind
from domain.inventory import policy
from domain.inventory.model import MovementKind
from domain.reading import passes
from graph.context import Info
from graph.fields import relation
from graph.filters import EnumFilter, StringFilter, filters_of
from graph.inventory.types import LazyOrder, StockLevel
from graph.node import object_type
from graph.users.types import User


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A change of a level, as it goes out."""

    cursor: str
    occurred_at: datetime
    kind: MovementKind
    quantity: int
    on_hand: int
    reserved: int
    reason: str | None
    level_id: UUID
    order_id: UUID | None
    actor_id: UUID | None

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class LevelLow:
    """A level that became low, as it goes out."""

    cursor: str
    occurred_at: datetime
    available: int
    reorder_point: int
    level_id: UUID


@object_type(LevelChange, "A stock level changed.")
class StockChange:
    """What `stockChanged` tells."""

    cursor: str = strawberry.field(description="Opaque: subscribe with `after` this to go on from here.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    kind: MovementKind = strawberry.field(description="Why the level changed.")
    quantity: int = strawberry.field(
        description="The signed change: of the reserved units for RESERVATION and RELEASE, else of those on hand."
    )
    on_hand: int = strawberry.field(description="Units on hand after it.")
    reserved: int = strawberry.field(description="Units reserved after it.")
    available: int = strawberry.field(description="Units after it that could still be promised.")
    reason: str | None = strawberry.field(description="The reason that was given.")
    stock_level: StockLevel | None = relation(StockLevel | None, "stock_level", "level_id", "The level as it is now.")
    order: LazyOrder | None = relation(LazyOrder | None, "order", "order_id", "The order it served.")
    actor: User | None = relation(User | None, "user", "actor_id", "Who did it; null for the system or where hidden.")


@object_type(LevelLow, "The available units of a level sank to its reorder point or below.")
class StockLow:
    """What `stockLow` tells."""

    cursor: str = strawberry.field(description="Opaque: subscribe with `after` this to go on from here.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    available: int = strawberry.field(description="Units that could still be promised.")
    reorder_point: int = strawberry.field(description="The reorder point at that time.")
    stock_level: StockLevel | None = relation(StockLevel | None, "stock_level", "level_id", "The level as it is now.")


@strawberry.input(description="Which changes of stock; all conditions must hold.")
class StockChangeFilter:
    """The `filter` of `stockChanged`."""

    sku: StringFilter | None = strawberry.field(default=None, description="The SKU of the variant.")
    warehouse: StringFilter | None = strawberry.field(default=None, description="The code of the warehouse.")
    kind: EnumFilter[MovementKind] | None = strawberry.field(default=None, description="Why the level changed.")


@strawberry.input(description="Which levels; all conditions must hold.")
class StockLowFilter:
    """The `filter` of `stockLow`."""

    sku: StringFilter | None = strawberry.field(default=None, description="The SKU of the variant.")
    warehouse: StringFilter | None = strawberry.field(default=None, description="The code of the warehouse.")


@strawberry.type
class InventorySubscriptions:
    """Fields of Subscription about stock."""

    @strawberry.subscription(
        graphql_type=StockChange,
        description="Every change of a stock level, whatever caused it, as soon as it is committed."
        " Needs `inventory:read`. With `after`, first what was missed since that cursor, in order.",
    )
    async def stock_changed(
        self, info: Info, after: str | None = None, filter: StockChangeFilter | None = None
    ) -> AsyncGenerator[LevelChange]:
        async with aclosing(_told(info, EventKind.STOCK_CHANGED, after, filter)) as events:
            async for event in events:
                yield _change(event, info.context.cursor(event))

    @strawberry.subscription(
        graphql_type=StockLow,
        description="Every stock level whose available units sink to its reorder point or below, once."
        " Needs `inventory:read`. With `after`, first what was missed since that cursor, in order.",
    )
    async def stock_low(
        self, info: Info, after: str | None = None, filter: StockLowFilter | None = None
    ) -> AsyncGenerator[LevelLow]:
        async with aclosing(_told(info, EventKind.STOCK_LOW, after, filter)) as events:
            async for event in events:
                yield _low(event, info.context.cursor(event))


async def _told(
    info: Info, kind: EventKind, after: str | None, given: StockChangeFilter | StockLowFilter | None
) -> AsyncGenerator[Event]:
    """The events of a kind that pass a filter, each with loaders that know nothing yet."""
    policy.must_watch_stock(info.context.viewer)
    filters = filters_of(given)
    async with aclosing(info.context.events(info, after)) as events:
        async for event in events:
            if event.kind is kind and passes(filters, event.payload):
                info.context.begin_telling()
                yield event


def _change(event: Event, cursor: str) -> LevelChange:
    told = event.payload
    return LevelChange(
        cursor,
        event.occurred_at,
        MovementKind(told["kind"]),
        told["quantity"],
        told["on_hand_after"],
        told["reserved_after"],
        told["reason"],
        event.aggregate_id,
        UUID(told["order_id"]) if told["order_id"] else None,
        event.actor_id,
    )


def _low(event: Event, cursor: str) -> LevelLow:
    return LevelLow(
        cursor, event.occurred_at, event.payload["available"], event.payload["reorder_point"], event.aggregate_id
    )
