"""The log: what is committed gets a place, and a reader who asks for what is above the last one loses nothing."""

import asyncio
import random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs
from support.waiting import until

from db.engine import Database
from db.event_sequencer import STEP_LOCK, EventSequencer
from db.events import EventLog
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor, Origin
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.refusals import ErrorCode, Refused

PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass ORDER BY inhrelid"


def unit_of_work(database: Database) -> SqlUnitOfWork:
    return SqlUnitOfWork(database, Actor.system(), None, lambda: None)


def event(key: UUID, sequence: int = 1) -> NewEvent:
    return NewEvent(EventKind.ORDER_STATUS_CHANGED, AggregateType.ORDER, key, sequence, {"from": None, "to": "PENDING"})


async def write(database: Database, *recorded: NewEvent) -> None:
    uow = unit_of_work(database)
    async with uow:
        for each in recorded:
            uow.record(each)


async def told(database: Database) -> list[tuple[int, UUID, int]]:
    """The whole log: position, aggregate and sequence of each event."""
    return [(each.position, each.aggregate_id, each.sequence) for each in await EventLog(database).after(0, 10_000)]


async def test_who_commits_last_stands_last_though_they_began_and_wrote_first(database: Database):
    early, late = uuid4(), uuid4()
    sequencer = EventSequencer(database)

    first = unit_of_work(database)
    async with first:
        await first.users.add("early", None, "-", is_admin=False)
        first.record(event(early))
        await first._write()
        first._events.clear()
        await write(database, event(late))
        moved_before = await sequencer.drain()
    moved_after = await sequencer.drain()

    assert (moved_before, moved_after) == (1, 1)
    assert await told(database) == [(1, late, 1), (2, early, 1)]


async def test_a_transaction_that_wrote_something_early_keeps_the_order_within_an_order(database: Database):
    """The number of its transaction is low, yet its event follows one that was committed meanwhile."""
    order = uuid4()
    first = unit_of_work(database)
    async with first:
        await first.users.add("early", None, "-", is_admin=False)
        await write(database, event(order, 1))
        first.record(event(order, 2))

    await EventSequencer(database).drain()

    assert await told(database) == [(1, order, 1), (2, order, 2)]


async def test_a_batch_that_cuts_keeps_the_order_within_an_order(database: Database):
    order = uuid4()
    slow = unit_of_work(database)
    async with slow:
        await slow.users.add("early", None, "-", is_admin=False)
        await write(database, *(event(order, sequence) for sequence in range(1, 6)))
        slow.record(event(order, 6))
    sequencer = EventSequencer(database, batch=2)

    steps = [await sequencer.step() for _ in range(4)]

    assert steps == [2, 2, 2, 0]
    assert await told(database) == [(each, order, each) for each in range(1, 7)]


async def test_what_is_rolled_back_is_never_told_and_leaves_no_gap(database: Database):
    order = uuid4()
    broken = unit_of_work(database)
    await broken.__aenter__()
    broken.record(event(uuid4()))
    await broken._write()
    error = ZeroDivisionError()
    await broken.__aexit__(ZeroDivisionError, error, None)
    await write(database, event(order))

    await EventSequencer(database).drain()

    assert await told(database) == [(1, order, 1)]


async def test_an_idle_transaction_holds_up_nobody(database: Database):
    sequencer, order = EventSequencer(database), uuid4()
    async with database.transaction() as idle:
        await idle.execute(text("CREATE TEMPORARY TABLE held (n int)"))
        await idle.execute(text("SELECT pg_current_xact_id()"))

        await write(database, event(order, 1))
        assert await sequencer.step() == 1
        await write(database, event(order, 2))
        assert await sequencer.step() == 1

    assert [sequence for _, _, sequence in await told(database)] == [1, 2]


async def test_a_row_below_the_floor_is_found_by_a_sweep(database: Database):
    """As after a restore into the queue of a running shop."""
    sequencer, order = EventSequencer(database), uuid4()
    await write(database, event(order, 1))
    await sequencer.drain()
    restored = """
        INSERT INTO pending_events (xid, aggregate_type, aggregate_id, sequence, kind)
        VALUES ('3', 'ORDER', :order, 2, 'ORDER_STATUS_CHANGED')"""
    await database.execute(text(restored), {"order": order})

    before = await sequencer.drain()
    with capture_logs() as logs:
        sequencer.forget()
        found = await sequencer.drain()
        sequencer.forget()
        again = await sequencer.drain()

    assert (before, found, again) == (0, 1, 0)
    assert [(entry["event"], entry["count"]) for entry in logs] == [("events_swept", 1)]
    assert (await EventSequencer(database).gauges()).swept == 1


async def test_of_two_sweeps_at_once_one_counts_what_is_found_and_what_is_new_is_no_find(database: Database):
    sequencers = [EventSequencer(database, batch=10, partition=10) for _ in range(3)]
    await write(database, *(event(uuid4()) for _ in range(5)))
    for each in sequencers:
        await each.drain()
        each.forget()
        # A second one, before any step, forgets nothing of the first.
        each.forget()
    restored = """
        INSERT INTO pending_events (xid, aggregate_type, aggregate_id, sequence, kind)
        SELECT '3', 'ORDER', gen_random_uuid(), 1, 'ORDER_STATUS_CHANGED' FROM generate_series(1, 3)"""
    await database.execute(text(restored))
    await write(database, event(uuid4()))

    with capture_logs() as logs:
        moved = await asyncio.gather(*(each.drain() for each in sequencers))

    assert sorted(moved) == [0, 0, 4]
    assert [(entry["event"], entry["count"]) for entry in logs] == [("events_swept", 3)]
    gauges = await sequencers[0].gauges()
    assert (gauges.swept, gauges.pending, gauges.head) == (3, 0, 9)


WAITING = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted
"""
"""How many wait for the turn to take a step."""


async def test_a_sweep_that_is_asked_for_during_a_step_is_not_forgotten(database: Database):
    sequencer = EventSequencer(database)
    await write(database, event(uuid4()))
    await sequencer.drain()
    async with database.transaction() as holder:
        await holder.execute(STEP_LOCK)
        step = asyncio.create_task(sequencer.drain())

        async def is_stepping() -> bool:
            return bool((await database.read(text(WAITING)))[0][0])

        await until(is_stepping)
        sequencer.forget()
    await step
    await database.execute(
        text(
            "INSERT INTO pending_events (xid, aggregate_type, aggregate_id, sequence, kind)"
            " VALUES ('3', 'ORDER', gen_random_uuid(), 1, 'ORDER_STATUS_CHANGED')"
        )
    )

    assert await sequencer.drain() == 1
    gauges = await sequencer.gauges()
    assert (gauges.swept, gauges.pending) == (1, 0)


async def test_two_sequencers_share_the_work_and_give_no_place_twice(database: Database):
    orders = [uuid4() for _ in range(4)]
    dice = random.Random(7)
    is_done = asyncio.Event()

    async def writer(order: UUID) -> None:
        for sequence in range(1, 31):
            uow = unit_of_work(database)
            async with uow:
                uow.record(event(order, sequence))
                for _ in range(dice.randrange(4)):
                    await uow.users.credentials("nobody")

    async def sequence() -> None:
        sequencer = EventSequencer(database, batch=3)
        while True:
            was_done = is_done.is_set()
            if not await sequencer.drain() and was_done:
                return

    async def follow() -> list[tuple[UUID, int]]:
        log, heard, position = EventLog(database), [], 0
        while len(heard) < 120:
            events = await log.after(position, 7)
            heard += [(each.aggregate_id, each.sequence) for each in events]
            position = events[-1].position if events else position
        return heard

    following = asyncio.create_task(follow())
    sequencers = [asyncio.create_task(sequence()) for _ in range(2)]
    await asyncio.gather(*map(writer, orders))
    is_done.set()
    await asyncio.gather(*sequencers)
    heard = await following

    log = await told(database)
    assert [position for position, _, _ in log] == list(range(1, 121))
    assert [(order, sequence) for _, order, sequence in log] == heard
    for order in orders:
        assert [sequence for key, sequence in heard if key == order] == list(range(1, 31))


async def test_a_step_refuses_a_snapshot_that_is_older_than_its_lock(database: Database):
    async with database.transaction() as connection:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        with pytest.raises(DBAPIError, match="READ COMMITTED"):
            async with connection.savepoint():
                await connection.execute(text("SELECT * FROM sequence_events(10, '0')"))


async def test_ordinals_are_drawn_one_by_one(database: Database):
    """A cache would hand a later event of an order a lower number than an earlier one."""
    query = "SELECT cache_size FROM pg_sequences WHERE sequencename = 'pending_events_ordinal_seq'"

    assert await database.read(text(query)) == [(1,)]


async def test_the_log_makes_room_as_it_grows(database: Database):
    sequencer, order = EventSequencer(database, partition=10), uuid4()

    await write(database, *(event(order, sequence) for sequence in range(1, 36)))
    await sequencer.drain()

    assert [position for position, _, _ in await told(database)] == list(range(1, 36))
    names = [row[0] for row in await database.read(text(PARTITIONS))]
    assert names[:4] == ["events_1", "events_11", "events_21", "events_31"]
    gauges = await sequencer.gauges()
    assert (gauges.partitions, gauges.partitioned_to) == (len(names), 10 * len(names))


async def test_retention_drops_what_is_old_and_full_and_tells_who_comes_too_late(database: Database):
    sequencer, log = EventSequencer(database, partition=10), EventLog(database)
    await write(database, *(event(uuid4()) for _ in range(25)))
    await sequencer.drain()
    await database.execute(text("UPDATE events SET logged_at = now() - interval '8 days' WHERE position <= 20"))
    before = await log.state()

    assert await sequencer.retain(9) == 0
    assert await sequencer.retain(7) == 2

    state = await log.state()
    assert (before.low, state.low, state.head) == (0, 20, 25)
    assert [each.position for each in await log.after(0, 100)] == [21, 22, 23, 24, 25]
    assert state.position_of(before.cursor(20), "after") == 20
    with pytest.raises(Refused) as refused:
        state.position_of(before.cursor(19), "after")
    assert refused.value.refusals[0].code is ErrorCode.CURSOR_EXPIRED
    assert await sequencer.retain(7) == 0


async def test_positions_go_on_though_all_events_were_dropped(database: Database):
    sequencer = EventSequencer(database, partition=10)
    await write(database, *(event(uuid4()) for _ in range(10)))
    await sequencer.drain()
    await database.execute(text("UPDATE events SET logged_at = now() - interval '8 days'"))
    await sequencer.retain(7)
    await write(database, event(uuid4()))

    await sequencer.drain()

    assert [position for position, _, _ in await told(database)] == [11]


async def test_retention_finishes_what_a_process_left_half_done(database: Database):
    sequencer = EventSequencer(database, partition=10)
    await write(database, *(event(uuid4()) for _ in range(12)))
    await sequencer.drain()
    await database.execute(text("UPDATE event_log SET low_position = 10"))
    await database.execute(text("ALTER TABLE events DETACH PARTITION events_1"))

    assert await sequencer.retain(7) == 1

    assert await database.read(text("SELECT to_regclass('events_1')")) == [(None,)]


async def test_a_log_that_was_moved_gets_a_new_epoch_and_one_that_was_not_keeps_it(database: Database):
    log, sequencer = EventLog(database), EventSequencer(database)
    first = (await log.state()).epoch
    await sequencer.adopt()
    adopted = (await log.state()).epoch
    await EventSequencer(database).adopt()
    restarted = (await log.state()).epoch

    await database.execute(text("UPDATE event_log SET identity = 'another cluster'"))
    await asyncio.gather(*(EventSequencer(database).adopt() for _ in range(3)))
    moved = await log.state()

    assert first == adopted == restarted != moved.epoch
    with pytest.raises(Refused) as refused:
        moved.position_of((await EventLog(database).state()).cursor(1), "after")
    assert refused.value.refusals[0].code is ErrorCode.INVALID_CURSOR


async def test_an_event_is_read_as_it_was_recorded(database: Database):
    log, key = EventLog(database), uuid4()
    uow = SqlUnitOfWork(database, Actor.system(), Origin("request-7", "192.0.2.7"), lambda: None)

    async with uow:
        uow.record(event(key))
    waiting = await EventSequencer(database).gauges()
    await EventSequencer(database).drain()
    [read] = await log.after(0, 10)

    assert (waiting.pending, waiting.head) == (1, 0)
    assert waiting.oldest_pending >= 0
    assert (read.position, read.kind, read.aggregate_type) == (1, EventKind.ORDER_STATUS_CHANGED, AggregateType.ORDER)
    assert (read.aggregate_id, read.sequence, read.payload) == (key, 1, {"from": None, "to": "PENDING"})
    assert (read.actor_id, read.request_id, read.address) == (None, "request-7", "192.0.2.7")
    assert read.occurred_at.tzinfo is not None
    assert await log.after(1, 10) == []
