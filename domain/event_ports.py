"""What queries need to know of the log."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.events import Event
from domain.orders.model import OrderEvent
from domain.reading import Reader


class EventReader(Reader[Event], Protocol):
    """The log, for queries. The cursors of its pages are those of the live stream."""

    async def of_orders(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderEvent]]:
        """The history of each order, oldest first."""
        ...
