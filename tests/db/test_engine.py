"""Connections: counted, isolated, replaced when they die."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.shop import Shop
from support.waiting import until

from db.engine import Database, count_statements, driver_url
from domain.refusals import Refused, TookTooLong


async def test_statements_of_a_task_and_its_children_are_counted_and_those_of_others_are_not(database: Database):
    async def operation(reads: int) -> int:
        count = count_statements()
        await asyncio.gather(*(database.ping() for _ in range(reads)))
        async with database.transaction() as connection:
            await connection.execute(text("SELECT 1"))
        return count.value

    assert await asyncio.gather(*(asyncio.create_task(operation(reads)) for reads in (0, 3, 7))) == [1, 4, 8]


async def test_connections_that_the_server_closed_are_replaced_before_anybody_notices(fresh_url: str):
    ours, other = Database(fresh_url, 3), Database(fresh_url, 1)
    async with ours.transaction(), ours.transaction(), ours.transaction():
        pass  # Three connections at once, which then wait in the pool.
    killed = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )

    assert await other.read(killed) == [(3,)]
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def are_gone() -> bool:
        return await other.read(others) == [(0,)]

    await until(are_gone)
    # What the server said last has arrived by now, that its sockets are closed too.
    await other.ping()
    answers = [await ours.read(text("SELECT 1")) for _ in range(3)]
    async with ours.transaction() as connection:
        await connection.execute(text("SELECT 1"))

    assert answers == [[(1,)]] * 3
    await asyncio.gather(ours.close(), other.close())


async def test_a_transaction_is_undone_by_an_exception(database: Database):
    with pytest.raises(RuntimeError):  # noqa: PT012  (leaving the block is what is tested)
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))
            raise RuntimeError

    assert await database.read(text("SELECT * FROM products")) == []


async def test_reads_run_side_by_side_up_to_the_size_of_the_pool_and_queue_beyond(fresh_url: str):
    database = Database(fresh_url, 2)
    most = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")

    answers = await asyncio.gather(*(database.read(most) for _ in range(20)))

    assert max(answer[0][0] for answer in answers) == 2
    await database.close()


async def test_the_server_speaks_utc_and_knows_our_name(fresh_url: str):
    database = Database(fresh_url, 1, application_name="orderwire-test")

    row = await database.read(text("SELECT current_setting('TimeZone'), current_setting('application_name')"))

    assert row == [("UTC", "orderwire-test")]
    await database.close()


async def test_requests_have_their_own_guess_of_what_a_page_costs(shop: Shop, database: Database):
    cost = text("SHOW random_page_cost")

    assert (await shop.process.database.read(cost))[0][0] == "1.1"
    assert (await database.read(cost))[0][0] == "4"


async def test_a_text_that_cannot_be_stored_is_the_callers_mistake_and_the_connection_lives_on(database: Database):
    for statement in ("SELECT CAST(:value AS text)", "INSERT INTO products (name) VALUES (:value)"):
        with pytest.raises(Refused, match="U\\+0000"):
            await database.read(text(statement), {"value": "a\0b"})
    with pytest.raises(Refused, match="U\\+0000"):  # noqa: PT012  (leaving the block is what is tested)
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))
            await connection.execute(text("INSERT INTO products (name) VALUES (:value)"), {"value": "\0"})

    assert await database.read(text("SELECT * FROM products")) == []


async def test_what_takes_longer_than_it_may_is_given_up_and_only_there(fresh_url: str, database: Database):
    hasty = Database(fresh_url, 1, statement_seconds=0.05)

    with pytest.raises(TookTooLong):
        await hasty.read(text("SELECT pg_sleep(30)"))
    with pytest.raises(TookTooLong):  # noqa: PT012  (leaving the block is what is tested)
        async with hasty.transaction() as connection:
            await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))
            await connection.execute(text("SELECT pg_sleep(30)"))

    assert await hasty.read(text("SELECT * FROM products")) == []
    await database.read(text("SELECT pg_sleep(0.1)"))
    await hasty.close()


async def test_a_transaction_that_nobody_goes_on_with_is_ended(fresh_url: str, database: Database):
    hasty = Database(fresh_url, 1, statement_seconds=0.05)
    theirs = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")

    async def is_over() -> bool:
        return await database.read(theirs) == [(0,)]

    with pytest.raises(DBAPIError):  # noqa: PT012  (leaving the block is what is tested)
        async with hasty.transaction() as connection:
            await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))
            await until(is_over)
            await connection.execute(text("SELECT 1"))

    assert await hasty.read(text("SELECT * FROM products")) == []
    await hasty.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_urls_need_not_name_the_driver(url: str, expected: str):
    assert driver_url(url) == expected
