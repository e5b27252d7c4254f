"""The unit of work: all or nothing, events with the rest, and the doorbell only after the commit."""

import asyncio
from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from factories.people import make_user
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.log import logged
from support.waiting import until

from db.base import new_id
from db.engine import Database
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor, Origin
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.refusals import ErrorCode, Refused


class Bell:
    """Counts how often it is rung."""

    def __init__(self) -> None:
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1


def registered(key: UUID, sequence: int = 1, **payload: Any) -> NewEvent:
    return NewEvent(EventKind.USER_REGISTERED, AggregateType.USER, key, sequence, payload)


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.read(text(query))]


async def test_leaving_the_block_commits_and_then_rings_once(database: Database):
    bell, actor = Bell(), await make_user(database, "clerk")

    uow = SqlUnitOfWork(database, actor, Origin("request-7", "192.0.2.7"), bell.ring)
    async with uow:
        user = await uow.users.add("hedwig", None, "-", is_admin=False)
        uow.record(registered(user.id, 1, name="hedwig"))
        uow.record(registered(user.id, 2))
        assert (bell.rings, await logged(database, "*")) == (0, [])

    assert bell.rings == 1
    assert await logged(database, "sequence, payload, actor_id, request_id") == [
        (1, {"name": "hedwig"}, actor.user_id, "request-7"),
        (2, {}, actor.user_id, "request-7"),
    ]
    assert await rows(database, "SELECT count(DISTINCT occurred_at), count(DISTINCT id) FROM events") == [(1, 2)]


async def test_without_events_nobody_is_told(database: Database):
    bell = Bell()

    uow = SqlUnitOfWork(database, Actor.system(), None, bell.ring)
    async with uow:
        await uow.users.add("hedwig", None, "-", is_admin=True)

    assert bell.rings == 0
    held = "SELECT username, role FROM users JOIN user_roles ON user_id = id"
    assert await rows(database, held) == [("hedwig", "admin")]


@pytest.mark.parametrize("error", [RuntimeError("no"), asyncio.CancelledError()])
async def test_an_exception_undoes_everything_and_nobody_is_told(database: Database, error: BaseException):
    bell = Bell()

    uow = SqlUnitOfWork(database, Actor.system(), None, bell.ring)
    with pytest.raises(type(error)):  # noqa: PT012  (leaving the block is what is tested)
        async with uow:
            user = await uow.users.add("hedwig", None, "-", is_admin=False)
            uow.record(registered(user.id))
            raise error

    assert bell.rings == 0
    assert await rows(database, "SELECT * FROM users") == []
    assert await logged(database, "*") == []


async def test_where_an_event_cannot_be_stored_the_rest_is_undone(database: Database):
    bell, key = Bell(), uuid4()

    uow = SqlUnitOfWork(database, Actor.system(), None, bell.ring)
    with pytest.raises(IntegrityError, match="not-null constraint"):  # noqa: PT012  (leaving the block is what is tested)
        async with uow:
            await uow.users.add("hedwig", None, "-", is_admin=False)
            uow.record(replace(registered(key), aggregate_id=cast("UUID", None)))

    assert bell.rings == 0
    assert await rows(database, "SELECT * FROM users") == []
    await database.ping()


async def test_a_taken_name_is_refused_and_the_transaction_goes_on(database: Database):
    await make_user(database, "hedwig")

    uow = SqlUnitOfWork(database, Actor.system(), None, Bell().ring)
    async with uow:
        with pytest.raises(Refused) as caught:
            await uow.users.add("HEDWIG", None, "-", is_admin=False)
        await uow.users.add("other", None, "-", is_admin=False)

    assert [refusal.code for refusal in caught.value.refusals] == [ErrorCode.USERNAME_TAKEN]
    assert await rows(database, "SELECT username FROM users ORDER BY username") == [("hedwig",), ("other",)]


async def test_it_may_be_entered_again_and_forgets_the_events_of_before(database: Database):
    bell = Bell()
    uow = SqlUnitOfWork(database, Actor.system(), None, bell.ring)

    for name in ("hedwig", "errol"):
        async with uow:
            user = await uow.users.add(name, None, "-", is_admin=False)
            uow.record(registered(user.id))
    with pytest.raises(RuntimeError):  # noqa: PT012  (leaving the block is what is tested)
        async with uow:
            uow.record(registered(uuid4()))
            raise RuntimeError
    async with uow:
        await uow.users.add("pigwidgeon", None, "-", is_admin=False)

    assert bell.rings == 2
    assert len(await logged(database, "*")) == 2


async def test_it_must_be_entered_before_it_is_used(database: Database):
    uow = SqlUnitOfWork(database, Actor.system(), None, Bell().ring)

    with pytest.raises(RuntimeError, match="Enter the unit of work"):
        await uow.claim(uuid4(), "orderPlace", [])


async def test_a_key_is_claimed_once_and_only_for_what_it_was_used_for(database: Database):
    uow = SqlUnitOfWork(database, Actor.system(), None, Bell().ring)
    key, result = uuid4(), new_id()

    async with uow:
        claims = [await uow.claim(None, "orderPlace", 1), await uow.claim(key, "orderPlace", {"a": 1})]
        await uow.settle(key, result)
        await uow.settle(None, result)
    async with uow:
        claims.append(await uow.claim(key, "orderPlace", {"a": 1}))
    for operation, request in (("orderPlace", {"a": 2}), ("orderCancel", {"a": 1})):
        with pytest.raises(Refused) as caught:
            async with uow:
                await uow.claim(key, operation, request)
        assert [refusal.code for refusal in caught.value.refusals] == [ErrorCode.IDEMPOTENCY_CONFLICT]

    assert claims == [None, None, result]


async def test_a_second_claim_waits_for_the_first_and_takes_over_where_it_was_undone(database: Database):
    key, entered, leave = uuid4(), asyncio.Event(), asyncio.Event()

    async def first() -> None:
        uow = SqlUnitOfWork(database, Actor.system(), None, Bell().ring)
        async with uow:
            await uow.claim(key, "orderPlace", 1)
            entered.set()
            await leave.wait()
            raise RuntimeError

    async def second() -> UUID | None:
        await entered.wait()
        uow = SqlUnitOfWork(database, Actor.system(), None, Bell().ring)
        async with uow:
            return await uow.claim(key, "orderPlace", 1)

    async def is_waiting() -> bool:
        waiting = "SELECT * FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return len(await rows(database, waiting)) == 1

    tasks = asyncio.create_task(first()), asyncio.create_task(second())
    await until(is_waiting)
    assert not tasks[1].done()
    leave.set()

    assert isinstance((await asyncio.gather(*tasks, return_exceptions=True))[0], RuntimeError)
    assert tasks[1].result() is None


async def test_what_was_abandoned_is_undone_and_nobody_is_told(database: Database):
    bell, key = Bell(), uuid4()
    uow = SqlUnitOfWork(database, Actor.system(), None, bell.ring)

    async with uow:
        user = await uow.users.add("hedwig", None, "-", is_admin=False)
        uow.record(registered(user.id))
        await uow.claim(key, "userRegister", 1)
        uow.abandon()

    assert bell.rings == 0
    for table in ("users", "events", "idempotency_keys"):
        assert await rows(database, f"SELECT * FROM {table}") == []

    async with uow:
        user = await uow.users.add("errol", None, "-", is_admin=False)
        uow.record(registered(user.id))
    assert bell.rings == 1
    assert await rows(database, "SELECT username FROM users") == [("errol",)]
