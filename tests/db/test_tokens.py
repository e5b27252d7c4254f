"""What a process learns of revoked tokens: all of it once committed, whatever order transactions end in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from factories.people import make_user
from sqlalchemy import text

from db.engine import Database
from db.housekeeping import Housekeeping
from db.tokens import RevokedTokens, SqlSessionStore
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor

LATER = datetime.now(UTC) + timedelta(minutes=15)


async def revoke(database: Database, token: UUID, until: datetime = LATER) -> None:
    async with database.transaction() as connection:
        await SqlSessionStore(connection, {}).revoke(token, until)


async def test_what_is_new_is_told_and_what_has_ended_is_not(database: Database):
    first, second = uuid4(), uuid4()
    await revoke(database, first)
    await revoke(database, uuid4(), datetime.now(UTC))
    revoked = RevokedTokens(database)

    looks = [await revoked.news()]
    looks.append(await revoked.news())
    await revoke(database, second)
    looks.append(await revoked.news())

    assert looks == [{first: LATER}, {}, {second: LATER}]


async def test_nothing_is_missed_where_a_transaction_that_began_earlier_ends_later(database: Database):
    revoked, slow, quick = RevokedTokens(database), uuid4(), uuid4()

    async with database.transaction() as connection:
        await SqlSessionStore(connection, {}).revoke(slow, LATER)
        await revoke(database, quick)
        during = await revoked.news()
        await revoke(database, uuid4())
        await revoked.news()
    after = await revoked.news()

    assert (during, slow in after) == ({quick: LATER}, True)


async def test_after_a_failure_and_in_another_cluster_all_is_asked_for_again(database: Database):
    revoked, token = RevokedTokens(database), uuid4()
    await revoke(database, token)
    await revoked.news()

    await database.execute(text("ALTER TABLE revoked_tokens RENAME TO hidden"))
    with pytest.raises(Exception, match="revoked_tokens"):
        await revoked.news()
    await database.execute(text("ALTER TABLE hidden RENAME TO revoked_tokens"))
    after_failure = await revoked.news()
    revoked._floor = "9000000000000000000"
    elsewhere = await revoked.news()

    assert after_failure == elsewhere == {token: LATER}


async def test_this_process_is_told_of_what_it_revoked_only_once_it_is_committed(database: Database):
    told = list[object]()
    buyer = await make_user(database)
    assert buyer.user_id is not None

    def begin() -> SqlUnitOfWork:
        return SqlUnitOfWork(database, Actor.system(), None, lambda: None, told.append)

    uow = begin()
    async with uow:
        session = await uow.sessions.add(buyer.user_id, "digest", LATER)
    async with uow:
        await uow.sessions.end([session], LATER)
        uow.abandon()
    before = list(told)
    async with uow:
        await uow.sessions.end([session], LATER)
        assert told == []

    assert (before, told) == ([], [{session: LATER}])


async def test_revoked_tokens_are_forgotten_once_they_have_ended(database: Database):
    await revoke(database, uuid4(), datetime.now(UTC))
    token = uuid4()
    await revoke(database, token)

    await Housekeeping(database).forget_revoked_tokens()

    assert await database.read(text("SELECT id FROM revoked_tokens")) == [(token,)]
