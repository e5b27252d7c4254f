"""The log: positions in order of commit, so that a reader who asks for what is above the last one loses nothing."""

import asyncio
import random
from uuid import UUID, uuid4

from sqlalchemy import text
from support.waiting import until

from db.engine import Database
from db.events import LOCK, EventReader
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor
from domain.events import AggregateType, EventKind, NewEvent


def unit_of_work(database: Database) -> SqlUnitOfWork:
    return SqlUnitOfWork(database, Actor.system(), None, lambda: None)


def event(key: UUID, sequence: int = 1) -> NewEvent:
    return NewEvent(EventKind.ORDER_STATUS_CHANGED, AggregateType.ORDER, key, sequence, {"from": None, "to": "PENDING"})


async def test_who_begins_first_and_commits_last_stands_last(database: Database):
    early, late = uuid4(), uuid4()
    reader = EventReader(database)

    first = unit_of_work(database)
    async with first:
        await first.users.add("early", None, "-", is_admin=False)
        first.record(event(early))
        second = unit_of_work(database)
        async with second:
            second.record(event(late))
        seen = await reader.after(0, 10)
    rest = await reader.after(seen[-1].position, 10)

    assert [each.aggregate_id for each in seen] == [late]
    assert [each.aggregate_id for each in rest] == [early]


async def test_a_reader_who_polls_while_writers_overlap_reads_each_event_once_and_in_order(database: Database):
    reader, orders = EventReader(database), [uuid4() for _ in range(4)]
    dice = random.Random(7)
    writers_done = asyncio.Event()

    async def write(order: UUID) -> None:
        for sequence in range(1, 21):
            uow = unit_of_work(database)
            async with uow:
                uow.record(event(order, sequence))
                await database.ping()
                for _ in range(dice.randrange(5)):
                    await uow.users.credentials("nobody")

    async def follow() -> list[tuple[UUID, int]]:
        heard, position = [], 0
        while True:
            finished = writers_done.is_set()
            events = await reader.after(position, 7)
            heard += [(each.aggregate_id, each.sequence) for each in events]
            position = events[-1].position if events else position
            if finished and not events:
                return heard

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(order) for order in orders))
    writers_done.set()
    heard = await following

    assert len(heard) == 80
    for order in orders:
        assert [sequence for key, sequence in heard if key == order] == list(range(1, 21))


async def test_a_writer_waits_while_another_one_holds_the_end_of_the_log(database: Database):
    async def write() -> None:
        uow = unit_of_work(database)
        async with uow:
            uow.record(event(uuid4()))

    async with database.transaction() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        writing = asyncio.create_task(write())
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

        async def is_waiting() -> bool:
            return (await database.read(waiting))[0][0] == 1

        await until(is_waiting)
        assert await EventReader(database).head() == 0
    await writing

    assert await EventReader(database).head() == 1


async def test_an_event_is_read_as_it_was_recorded(database: Database):
    reader, key = EventReader(database), uuid4()
    uow = SqlUnitOfWork(database, Actor.system(), "request-7", lambda: None)

    async with uow:
        uow.record(event(key))
    [read] = await reader.after(0, 10)

    assert (read.position, read.kind, read.aggregate_type) == (1, EventKind.ORDER_STATUS_CHANGED, AggregateType.ORDER)
    assert (read.aggregate_id, read.sequence, read.payload) == (key, 1, {"from": None, "to": "PENDING"})
    assert (read.actor_id, read.request_id) == (None, "request-7")
    assert read.occurred_at.tzinfo is not None
    assert await reader.after(1, 10) == []


async def test_the_log_has_one_identity_and_an_empty_one_has_no_head(database: Database):
    reader = EventReader(database)

    assert await reader.head() == 0
    assert await reader.epoch() == await reader.epoch()
