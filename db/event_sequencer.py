"""The sequencer: moves committed events to the log, makes room for them, and drops what is kept no longer.

Any number of processes may run one: an advisory lock in `sequence_events` lets one step at a time number events,
and holds until that step has committed.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Integer, case, func, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError

from db.base import now
from db.engine import Connection, Database
from db.events import LOG_HEAD, event_log, events, pending_events
from db.statements import Row

log = structlog.get_logger("orderwire.live")

BATCH = 2000
"""The most events of one step."""

PARTITION = 100_000
"""The events of one partition, which is what retention drops."""

RETENTION_LOCK = 1380275284
"""The key of the advisory lock of retention: the letters REST."""

STEP_LOCK = text("SELECT pg_advisory_xact_lock(1163281748)")
"""The lock that each step takes by itself."""

BELOW = text("SELECT count(*) FROM pending_events WHERE xid < CAST(CAST(:floor AS text) AS xid8)")

STEP = text("SELECT floor::text, moved, head FROM sequence_events(:batch, CAST(CAST(:floor AS text) AS xid8))")

IDENTITY = text("""
SELECT concat_ws('/', system_identifier, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), oid)
FROM pg_control_system(), pg_database WHERE datname = current_database()
""")
"""A restored dump, a restored backup and a promoted standby each differ in one of these three."""

PARTITIONS = text("""
SELECT c.relname AS name, i.inhdetachpending AS is_detaching,
  substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''(\\d+)''\\)')::bigint - 1 AS upper
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events'::regclass ORDER BY upper
""")

PARTITION_COUNT = literal_column(
    "(SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass)", Integer
).label("partitions")

ORPHANS = text("""
SELECT c.relname AS name FROM pg_class c WHERE c.relname ~ '^events_\\d+$' AND c.relkind = 'r' AND NOT c.relispartition
AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass)
""")


@dataclass(frozen=True, slots=True)
class LogGauges:
    """How the log does. `oldest_pending` is the age of the oldest event that waits, in seconds.

    `swept` counts the events that a sequencer had passed over, and found when it looked through the whole queue.
    """

    pending: int
    oldest_pending: float
    head: int
    low: int
    partitions: int
    partitioned_to: int
    swept: int


class EventSequencer:
    """Gives committed events their places. One per process; no two need to know of each other."""

    def __init__(self, database: Database, batch: int = BATCH, partition: int = PARTITION) -> None:
        """`batch` is the most events of a step, `partition` the events of a partition; neither may be 0."""
        self._database, self._batch, self._partition = database, min(batch, partition), partition
        self._floor = self._passed = "0"

    async def adopt(self) -> None:
        """Give the log a new epoch if it was moved: its positions may now mean other events than they did."""
        identity = (await self._database.read(IDENTITY))[0][0]
        epoch = case((event_log.c.identity.is_(None), event_log.c.epoch), else_=func.gen_random_uuid())
        moved = update(event_log).where(event_log.c.identity.is_distinct_from(identity))
        await self._database.execute(moved.values(identity=identity, epoch=epoch))
        # The numbers of transactions that this process has seen may be those of another cluster.
        self._floor = self._passed = "0"

    def forget(self) -> None:
        """Look through the whole queue at the next step, also below transactions that are known to have ended.

        What is found there is counted and logged: it was restored into the queue, or should have been found before.
        """
        if self._floor != "0":
            self._passed, self._floor = self._floor, "0"

    async def step(self) -> int:
        """Move at most a batch of committed events to the log; how many there were."""
        before = self._floor
        row = await self._step()
        if row.moved is None:
            await self._make_room(row.head)
            row = await self._step()
        # Several may take a step at once; what was to be looked through meanwhile still is.
        if self._floor == before:
            self._floor = row.floor
        return row.moved or 0

    async def drain(self) -> int:
        """Move all that is committed; how many there were."""
        total = moved = await self.step()
        while moved == self._batch:
            moved = await self.step()
            total += moved
        return total

    async def gauges(self) -> LogGauges:
        """How many events wait and for how long, and the bounds of the log."""
        waiting = select(func.count()).select_from(pending_events).scalar_subquery().label("pending")
        age = select(now() - func.min(pending_events.c.occurred_at)).scalar_subquery().label("age")
        head = LOG_HEAD.label("head")
        bounds = event_log.c.low_position, event_log.c.partitioned_to, event_log.c.swept
        row = (await self._database.read(select(waiting, age, head, PARTITION_COUNT, *bounds)))[0]
        seconds = row.age.total_seconds() if row.age else 0.0
        return LogGauges(
            row.pending, seconds, row.head, row.low_position, row.partitions, row.partitioned_to, row.swept
        )

    async def retain(self, days: int) -> int:
        """Drop the full partitions whose events are all older than `days`; how many were dropped.

        Readers are told first: the low position rises before anything goes. What was begun and not finished, by a
        process that ended, is finished.
        """
        async with self._database.session() as connection:
            if not (await connection.execute(select(func.pg_try_advisory_lock(RETENTION_LOCK)))).scalar_one():
                return 0
            # A partition goes without a lock that readers wait for; what it cannot have soon is left for later.
            await connection.execute(text("SET lock_timeout = '2s'"))
            try:
                return await self._drop_old(connection, days)
            finally:
                await connection.execute(text("RESET lock_timeout"))
                await connection.execute(select(func.pg_advisory_unlock(RETENTION_LOCK)))

    async def _step(self) -> Row:
        given = {"batch": self._batch, "floor": self._floor}
        if self._passed == "0":
            return (await self._database.read(STEP, given))[0]
        async with self._database.transaction() as connection:
            # Before the count, so that what two processes find at once is counted by the one that moves it.
            await connection.execute(STEP_LOCK)
            found: int = (await connection.execute(BELOW, {"floor": self._passed})).scalar_one()
            row = (await connection.execute(STEP, given)).one()
            if found and row.moved is not None:
                await connection.execute(update(event_log).values(swept=event_log.c.swept + found))
        if row.moved is not None:
            self._passed = "0"
            if found:
                log.warning("events_swept", count=found)
        return row

    async def _make_room(self, head: int) -> None:
        """Add partitions for the next batch and one more."""
        async with self._database.transaction() as connection:
            room: int = (await connection.execute(select(event_log.c.partitioned_to).with_for_update())).scalar_one()
            while room < head + self._batch + self._partition:
                name = f"events_{room + 1}"
                # To create a table and attach it takes a weaker lock than to create it as a partition.
                await connection.execute(
                    text(
                        f"CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
                    )
                )
                bounds = f"FROM ({room + 1}) TO ({room + self._partition + 1})"
                await connection.execute(text(f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES {bounds}"))
                room += self._partition
            await connection.execute(update(event_log).values(partitioned_to=room))

    async def _drop_old(self, connection: Connection, days: int) -> int:
        partitions = (await connection.execute(PARTITIONS)).all()
        low = await self._raise_low(connection, [row.upper for row in partitions], days)
        try:
            for row in partitions:
                if row.upper <= low:
                    how = "FINALIZE" if row.is_detaching else "CONCURRENTLY"
                    await connection.execute(text(f"ALTER TABLE events DETACH PARTITION {row.name} {how}"))
        except DBAPIError as error:
            # Some transaction still reads it; the next run goes on.
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
        orphans = (await connection.execute(ORPHANS)).all()
        for row in orphans:
            await connection.execute(text(f"DROP TABLE {row.name}"))
        return len(orphans)

    async def _raise_low(self, connection: Connection, uppers: list[int], days: int) -> int:
        """The low position, raised to the end of the newest partition that is full and old."""
        last = select(events.c.position).where(
            events.c.position == func.any(uppers), events.c.logged_at < now() - timedelta(days=days)
        )
        wanted = (await connection.execute(select(func.max(last.subquery().c.position)))).scalar_one()
        raised = update(event_log).values(low_position=func.greatest(event_log.c.low_position, wanted))
        return (await connection.execute(raised.returning(event_log.c.low_position))).scalar_one()
