"""The audit: every event of the log, for those who may read it."""

import strawberry

from domain.events import policy
from domain.reading import Sort
from graph.context import Info
from graph.events.enums import AggregateType, EventKind
from graph.events.types import Event
from graph.filters import DateTimeFilter, EnumFilter, IDFilter, filters_of
from graph.paging import After, Before, Connected, Connection, First, Last, connect, page_request


@strawberry.input(description="Which events; all conditions must hold.")
class EventFilter:
    """The `filter` of `events`."""

    kind: EnumFilter[EventKind] | None = strawberry.field(default=None, description="What happened.")
    aggregate_type: EnumFilter[AggregateType] | None = strawberry.field(
        default=None, description="What kind of thing it happened to."
    )
    aggregate: IDFilter | None = strawberry.field(default=None, description="The thing it happened to, of any type.")
    actor: IDFilter | None = strawberry.field(default=None, description="The user who did it.")
    occurred_at: DateTimeFilter | None = strawberry.field(default=None, description="When it happened.")


@strawberry.type
class EventQueries:
    """Fields of Query about the log."""

    @strawberry.field(
        graphql_type=Connection[Event],
        description="The log, oldest first. Needs `audit:read` and is empty without it. Its cursors are those of the"
        " subscriptions: what is read here up to a cursor, they go on telling `after` it.",
    )
    async def events(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: EventFilter | None = None,
    ) -> Connected:
        page = page_request(first, after, last, before)
        reader = info.context.readers.events
        return await connect(info, reader, filters_of(filter), Sort("POSITION"), page)

    @strawberry.field(
        description="The cursor of the newest event of the log: subscribe with `after` this, then read the state, to"
        " miss nothing. Needs a right to watch something: `orders:read`, `inventory:read` or `audit:read`."
    )
    async def event_cursor(self, info: Info) -> str:
        policy.must_follow(info.context.viewer)
        feed = info.context.services.feed
        return feed.cursor(await feed.begin(None))
