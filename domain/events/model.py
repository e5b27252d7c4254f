"""Events: what happened, as commands record it and as readers of the log see it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.opaque import seal, unseal
from domain.refusals import ErrorCode, Refusal, Refused
from domain.value import value


class AggregateType(StrEnum):
    """What an event speaks of."""

    ORDER = "ORDER"
    STOCK_LEVEL = "STOCK_LEVEL"
    USER = "USER"
    IMPORT = "IMPORT"
    KEY = "KEY"


class EventKind(StrEnum):
    """What happened."""

    ORDER_STATUS_CHANGED = "ORDER_STATUS_CHANGED"
    ORDER_LINES_RETURNED = "ORDER_LINES_RETURNED"
    STOCK_CHANGED = "STOCK_CHANGED"
    STOCK_LOW = "STOCK_LOW"
    REORDER_POINT_CHANGED = "REORDER_POINT_CHANGED"
    USER_REGISTERED = "USER_REGISTERED"
    USER_SIGNED_IN = "USER_SIGNED_IN"
    TOKEN_REFRESHED = "TOKEN_REFRESHED"
    TOKEN_REUSED = "TOKEN_REUSED"
    TOKEN_REVOKED = "TOKEN_REVOKED"
    SESSIONS_REVOKED = "SESSIONS_REVOKED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    PASSWORD_RESET_REQUESTED = "PASSWORD_RESET_REQUESTED"
    PASSWORD_RESET = "PASSWORD_RESET"
    ROLE_GRANTED = "ROLE_GRANTED"
    ROLE_REVOKED = "ROLE_REVOKED"
    IDENTITY_LINKED = "IDENTITY_LINKED"
    CLIENT_REGISTERED = "CLIENT_REGISTERED"
    CLIENT_REVOKED = "CLIENT_REVOKED"
    IMPORT_COMPLETED = "IMPORT_COMPLETED"
    KEY_ROTATED = "KEY_ROTATED"


@value
class NewEvent:
    """Something a command did; the unit of work stores it in the same transaction.

    `sequence` counts the events of one aggregate from 1.
    """

    kind: EventKind
    aggregate_type: AggregateType
    aggregate_id: UUID
    sequence: int
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])


@value
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
    address: str | None
    occurred_at: datetime


def log_cursor(epoch: UUID, position: int) -> str:
    """The opaque cursor of a position, which names the log that it belongs to."""
    return seal(f"v1.{epoch.hex[:8]}.{position}")


@value
class LogState:
    """The log at a moment: its identity, the highest position that was dropped, and the highest there is."""

    epoch: UUID
    low: int
    head: int

    def cursor(self, position: int) -> str:
        """The opaque cursor of a position in this log."""
        return log_cursor(self.epoch, position)

    def position_of(self, cursor: str, argument: str) -> int:
        """The position in a cursor of this log.

        Raises:
            Refused: INVALID_CURSOR, it is not a cursor of this log; CURSOR_EXPIRED, events after it were dropped.
        """
        try:
            version, epoch, number = unseal(cursor).split(".")
            position = int(number)
        except ValueError:
            version, epoch, position = "", "", -1
        if (version, epoch) != ("v1", self.epoch.hex[:8]) or not 0 <= position <= self.head:
            raise Refused(other_log(argument))
        if position < self.low:
            raise Refused(cursor_expired(argument))
        return position


def other_log(argument: str = "after") -> Refusal:
    """The cursor is none of this log, or the log has become another one."""
    message = "This is not a cursor of this shop's log. Read the present state and subscribe without one."
    return Refusal(ErrorCode.INVALID_CURSOR, message, (argument,))


def cursor_expired(argument: str = "after") -> Refusal:
    """Events after the cursor are kept no longer: what was missed cannot be told."""
    message = "Events after this cursor are kept no longer. Read the present state and subscribe without one."
    return Refusal(ErrorCode.CURSOR_EXPIRED, message, (argument,))
