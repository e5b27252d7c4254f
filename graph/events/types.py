"""An event of the log."""

from datetime import datetime
from typing import Any

import strawberry

from domain.events import model
from graph.context import Info
from graph.events.enums import AggregateType, EventKind
from graph.fields import computed, relation
from graph.node import Node, global_id, node_type
from graph.scalars import BigInt
from graph.users.types import User

TYPE_NAMES = {
    AggregateType.ORDER: "Order",
    AggregateType.STOCK_LEVEL: "StockLevel",
    AggregateType.USER: "User",
    AggregateType.IMPORT: "Import",
    AggregateType.KEY: "Key",
}
"""The type in the global id of what an event speaks of. Imports and keys are nowhere but in the log."""


def _aggregate_id(root: strawberry.Parent[model.Event]) -> strawberry.ID:
    return strawberry.ID(global_id(TYPE_NAMES[root.aggregate_type], root.aggregate_id))


def _cursor(root: strawberry.Parent[model.Event], info: Info) -> str:
    return info.context.cursor(root)


def _payload(root: strawberry.Parent[model.Event]) -> Any:
    return dict(root.payload)


@node_type(model.Event, "event", "Something that happened; events are added, never changed.")
class Event(Node):
    """A line of the log."""

    cursor: str = computed(str, _cursor, "Its opaque place in the log, for `after` here and in every subscription.")
    kind: EventKind = strawberry.field(description="What happened.")
    aggregate_type: AggregateType = strawberry.field(description="What kind of thing it happened to.")
    aggregate_id: strawberry.ID = computed(strawberry.ID, _aggregate_id, "The global id of the thing it happened to.")
    sequence: BigInt = strawberry.field(description="The place among the events of this thing. Counted from 1.")
    payload: strawberry.scalars.JSON = computed(
        strawberry.scalars.JSON, _payload, "The facts, by kind: docs/events.md."
    )
    request_id: str | None = strawberry.field(description="The request that did it, as in the log of the server.")
    address: str | None = strawberry.field(description="The network address that the request came from.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    actor: User | None = relation(User | None, "user", "actor_id", "Who did it; null for the system or where hidden.")
