"""What queries and subscriptions need to know of the log."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.events.model import Event
from domain.orders.model import OrderEvent
from domain.reading import Reader


class EventReader(Reader[Event], Protocol):
    """The log, for queries. The cursors of its pages are those of the live stream."""

    async def of_orders(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderEvent]]:
        """The history of each order, oldest first."""
        ...


class EventFeed(Protocol):
    """The live stream of one process."""

    def follow(self, after: str | None, until: datetime | None) -> AsyncGenerator[Event]:
        """Every event after a cursor, then each new one as it commits; without a cursor, new ones only.

        Raises:
            Refused: INVALID_CURSOR, the cursor is not one of this log; CURSOR_EXPIRED, events after it are kept no
                longer; RESYNC, the subscriber fell too far behind; UNAUTHENTICATED, the moment `until` has come,
                at which the subscriber's token ends.
        """
        ...

    def cursor(self, event: Event) -> str:
        """The opaque cursor that resumes right after this event."""
        ...
