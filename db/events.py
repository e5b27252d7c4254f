"""The one log of what happened: the table, the writer inside a transaction, the reader of the stream.

A reader asks only for `position > :cursor ORDER BY position`. That is safe because the writer takes an
advisory lock before it draws positions and holds it until it has committed: positions become visible in
their own order (docs/decisions/0004-event-log.md).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Row,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from db.base import check_in, metadata, new_id, now, timestamp
from db.engine import Database
from domain.actor import Actor
from domain.events import AggregateType, Event, EventKind, NewEvent

LOCK = 1163281748
"""The key of the advisory lock: the letters EVNT."""

events = Table(
    "events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True, server_default=func.uuidv7()),
    Column("aggregate_type", Text, check_in("aggregate_type", AggregateType), nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, check_in("kind", EventKind), nullable=False),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("actor_id", Uuid, ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("request_id", Text),
    timestamp("occurred_at"),
    Index("events_aggregate_key", "aggregate_type", "aggregate_id", "sequence", unique=True),
)

log_epoch = Table(
    "log_epoch",
    metadata,
    # One row. A cursor names the epoch, so that a cursor of another database is told from one of this.
    Column("epoch", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
)


class SqlEventWriter:
    """Writes the events of one transaction."""

    def __init__(self, connection: AsyncConnection, actor: Actor, request_id: str | None) -> None:
        self._connection, self._actor, self._request_id = connection, actor, request_id

    async def write(self, recorded: Sequence[NewEvent]) -> None:
        """Store events; to be called last in the transaction, for it holds up all other writers from here."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        moment = now()
        rows = [
            {
                "id": new_id(),
                "aggregate_type": event.aggregate_type,
                "aggregate_id": event.aggregate_id,
                "sequence": event.sequence,
                "kind": event.kind,
                "payload": dict(event.payload),
                "actor_id": self._actor.user_id,
                "request_id": self._request_id,
                "occurred_at": moment,
            }
            for event in recorded
        ]
        await self._connection.execute(insert(events), rows)


class EventReader:
    """Reads the log in order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, position: int, limit: int) -> list[Event]:
        """At most `limit` events above a position, in order."""
        query = select(events).where(events.c.position > position).order_by(events.c.position).limit(limit)
        return [_to_event(row) for row in await self._database.read(query)]

    async def head(self) -> int:
        """The highest position so far; 0 for an empty log."""
        rows = await self._database.read(select(func.coalesce(func.max(events.c.position), 0)))
        return rows[0][0]

    async def epoch(self) -> UUID:
        """The identity of this log."""
        return (await self._database.read(select(log_epoch.c.epoch)))[0][0]


def _to_event(row: Row[Any]) -> Event:
    return Event(
        row.id,
        row.position,
        EventKind(row.kind),
        AggregateType(row.aggregate_type),
        row.aggregate_id,
        row.sequence,
        row.payload,
        row.actor_id,
        row.request_id,
        row.occurred_at,
    )
