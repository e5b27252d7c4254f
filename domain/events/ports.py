"""What queries and subscriptions need to know of the log."""

from collections.abc import AsyncGenerator, Mapping, Sequence
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
    """The log as one process follows it, for subscriptions."""

    @property
    def position(self) -> int:
        """The position of the newest event that this process has read."""
        ...

    async def begin(self, after: str | None) -> int:
        """The position behind which a subscription begins: that of a cursor, else that of the newest event.

        Raises:
            Refused: INVALID_CURSOR, the cursor is not one of this log; CURSOR_EXPIRED, events after it are kept no
                longer.
        """
        ...

    def past(self, position: int) -> AsyncGenerator[Sequence[Event]]:
        """The events behind a position, in order and in batches, up to the newest that this process has read.

        Raises:
            Refused: CURSOR_EXPIRED, the next of them was dropped meanwhile.
        """
        ...

    def follow(self, position: int) -> AsyncGenerator[Event]:
        """Every event behind a position, in order, and each new one as it commits.

        Raises:
            Refused: as `past`; INVALID_CURSOR, the log has become another one.
        """
        ...

    async def readable(self) -> None:
        """Wait until the log can be read, should it be away."""
        ...

    def cursor(self, position: int) -> str:
        """The opaque cursor that resumes right after a position."""
        ...
