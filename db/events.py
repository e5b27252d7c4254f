"""The one log of what happened: its tables, the writer inside a transaction, and the log as the stream reads it.

A command writes to `pending_events` in its own transaction; the sequencer (db/event_sequencer.py) moves what is
committed to `events` and gives it the next position. So positions are dense and become visible in their order, and
every reader asks only for `position > :cursor ORDER BY position` (docs/decisions/0004-event-log.md).
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    func,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import INET, JSONB

from db.base import Xid8, check_in, metadata, new_id, now, timestamp
from db.engine import Database, Transaction
from db.statements import Prepared, Row, later
from domain.actor import Actor, Origin
from domain.events.model import AggregateType, Event, EventKind, LogState, NewEvent

pending_events = Table(
    "pending_events",
    metadata,
    Column("xid", Xid8, primary_key=True, server_default=func.pg_current_xact_id()),
    # Drawn under the row lock of the aggregate, and the sequence has no cache: of two events of one aggregate the
    # later one has the higher number, whichever transaction began first.
    Column("ordinal", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, server_default=func.uuidv7()),
    Column("aggregate_type", Text, check_in("aggregate_type", AggregateType), nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, check_in("kind", EventKind), nullable=False),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    # Without an index: the rows are few, and gone in a moment.
    Column("actor_id", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    Column("request_id", Text),
    Column("address", INET),
    timestamp("occurred_at"),
    # The table is a queue: it stays as small as what is under way, if the dead rows are cleared often enough.
    postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000},
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False),
    Column("aggregate_type", Text, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    # No foreign key: what somebody did stays on record, and the sequencer waits for no lock on a user.
    Column("actor_id", Uuid),
    Column("request_id", Text),
    Column("address", INET),
    timestamp("occurred_at", default=False),
    Column("logged_at", timestamp("logged_at").type, nullable=False, server_default=func.clock_timestamp()),
    Index("events_id_idx", "id"),
    Index("events_aggregate_id_idx", "aggregate_id", "sequence"),
    Index("events_kind_idx", "kind", "position"),
    Index("events_actor_id_idx", "actor_id", "position", postgresql_where=text("actor_id IS NOT NULL")),
    Index("events_occurred_at_idx", "occurred_at"),
    postgresql_partition_by="RANGE (position)",
)

event_log = Table(
    "event_log",
    metadata,
    # One row, which changes only when the log is moved, cut, given room, or swept with a find.
    Column("is_one", Boolean, CheckConstraint("is_one", name="is_one"), primary_key=True, server_default=true()),
    # A cursor names the epoch, so that a cursor of another log is told from one of this.
    Column("epoch", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    # The cluster, its timeline and the database that the epoch was made for.
    Column("identity", Text),
    # Positions up to this one have been dropped.
    Column("low_position", BigInteger, nullable=False, server_default=text("0")),
    # There are partitions for positions up to this one.
    Column("partitioned_to", BigInteger, nullable=False, server_default=text("0")),
    # Events that were found below the floor of a sequencer: each waited for a sweep.
    Column("swept", BigInteger, nullable=False, server_default=text("0")),
)

LOG_HEAD = func.greatest(select(func.max(events.c.position)).scalar_subquery(), event_log.c.low_position)
"""The highest position so far: that of the newest event, or of the newest that was dropped."""

_AFTER = Prepared(
    select(events)
    .where(events.c.position > later("position", BigInteger))
    .order_by(events.c.position)
    .limit(later("limit", BigInteger))
)


class SqlEventWriter:
    """Writes the events of one transaction."""

    def __init__(self, connection: Transaction, actor: Actor, origin: Origin | None) -> None:
        self._connection, self._actor, self._origin = connection, actor, origin

    async def write(self, recorded: Sequence[NewEvent]) -> None:
        """Store events, in their order, while the rows of their aggregates are locked."""
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
                "request_id": self._origin and self._origin.request_id,
                "address": self._origin and self._origin.address,
                "occurred_at": moment,
            }
            for event in recorded
        ]
        await self._connection.insert(pending_events, rows)


class EventLog:
    """The log as the stream reads it: in order, from a position onwards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, position: int, limit: int) -> list[Event]:
        """At most `limit` events above a position, in order."""
        rows = await self._database.fetch(_AFTER.text, _AFTER.bind({"position": position, "limit": limit}))
        return [to_event(row) for row in rows]

    async def state(self) -> LogState:
        """The identity and the bounds of the log."""
        query = select(event_log.c.epoch, event_log.c.low_position, LOG_HEAD.label("head"))
        row = (await self._database.read(query))[0]
        return LogState(row.epoch, row.low_position, row.head)


def to_event(row: Row) -> Event:
    """The event in a row of the log."""
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
        None if row.address is None else str(row.address),
        row.occurred_at,
    )
