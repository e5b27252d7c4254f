"""Events: what happened, as commands record it and as readers of the log see it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


class AggregateType(StrEnum):
    """What an event speaks of."""

    ORDER = "ORDER"
    STOCK_LEVEL = "STOCK_LEVEL"
    USER = "USER"
    IMPORT = "IMPORT"


class EventKind(StrEnum):
    """What happened."""

    ORDER_STATUS_CHANGED = "ORDER_STATUS_CHANGED"
    ORDER_LINES_RETURNED = "ORDER_LINES_RETURNED"
    STOCK_CHANGED = "STOCK_CHANGED"
    STOCK_LOW = "STOCK_LOW"
    REORDER_POINT_CHANGED = "REORDER_POINT_CHANGED"
    USER_REGISTERED = "USER_REGISTERED"
    IMPORT_COMPLETED = "IMPORT_COMPLETED"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something a command did; the unit of work stores it in the same transaction.

    `sequence` counts the events of one aggregate from 1.
    """

    kind: EventKind
    aggregate_type: AggregateType
    aggregate_id: UUID
    sequence: int
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log. `position` orders all events; readers ask for what is above the one they know."""

    id: UUID
    position: int
    kind: EventKind
    aggregate_type: AggregateType
    aggregate_id: UUID
    sequence: int
    payload: Mapping[str, Any]
    actor_id: UUID | None
    request_id: str | None
    occurred_at: datetime


class EventFeed(Protocol):
    """The live stream of one process."""

    def follow(self, after: str | None, until: datetime | None) -> AsyncGenerator[Event]:
        """Every event after a cursor, then each new one as it commits; without a cursor, new ones only.

        Raises:
            Refused: INVALID_CURSOR, the cursor is not one of this log; RESYNC, the subscriber fell too far
                behind; UNAUTHENTICATED, the moment `until` has come, at which the subscriber's token ends.
        """
        ...

    def cursor(self, event: Event) -> str:
        """The opaque cursor that resumes right after this event."""
        ...
