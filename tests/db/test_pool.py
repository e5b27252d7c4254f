"""The pool: how connections go out and come back, with those who wait."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.waiting import until

from db.embedded import database_url
from db.engine import Database
from db.pool import Pool, WaitedTooLong


class Line:
    """The least that the pool asks of a connection."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_open = True

    def is_closed(self) -> bool:
        return not self.is_open

    def terminate(self) -> None:
        self.is_open = False

    async def close(self, *, timeout: float) -> None:  # noqa: ASYNC109  (as the driver calls it)
        self.is_open = False


class Exchange:
    """Makes lines, unless it is out of order."""

    def __init__(self) -> None:
        self.made: list[Line] = []
        self.is_broken = False

    async def connect(self) -> Line:
        await asyncio.sleep(0)
        if self.is_broken:
            raise ConnectionRefusedError
        self.made.append(Line(len(self.made) + 1))
        return self.made[-1]


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


async def test_the_last_that_came_back_goes_out_first_and_none_is_made_without_need(exchange: Exchange):
    pool = Pool(exchange.connect, 3)
    first, second = await pool.take(), await pool.take()
    pool.give_back(second)
    pool.give_back(first)

    again = [await pool.take() for _ in range(3)]

    assert [line.number for line in again] == [1, 2, 3]
    assert pool.taken == 3


async def test_who_waits_is_served_in_turn(exchange: Exchange):
    pool, served = Pool(exchange.connect, 1), list[int]()
    held = await pool.take()

    async def use(name: int) -> None:
        line = await pool.take()
        served.append(name)
        pool.give_back(line)

    waiting = [asyncio.create_task(use(name)) for name in range(5)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    pool.give_back(held)
    # A late one does not overtake those who were told to go on.
    await use(9)
    await asyncio.gather(*waiting, return_exceptions=True)

    assert served == [0, 2, 3, 4, 9]
    assert (len(exchange.made), pool.taken) == (1, 0)


async def test_who_waits_for_too_long_is_told_and_takes_no_place(exchange: Exchange):
    pool = Pool(exchange.connect, 1, patience=0.01)
    held = await pool.take()

    with pytest.raises(WaitedTooLong, match=r"All 1 connections were out for 0\.01 s"):
        await pool.take()

    pool.give_back(held)
    assert await pool.take() is held


async def test_closed_connections_are_replaced_when_they_go_out_and_do_not_come_back(exchange: Exchange):
    pool = Pool(exchange.connect, 2)
    first, second = await pool.take(), await pool.take()
    first.is_open = False
    pool.give_back(first)
    pool.give_back(second)
    second.is_open = False

    assert [(await pool.take()).number for _ in range(2)] == [3, 4]


async def test_what_cannot_be_made_takes_no_place(exchange: Exchange):
    pool = Pool(exchange.connect, 1, patience=0.01)
    exchange.is_broken = True
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await pool.take()
    given_up = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    exchange.is_broken = False

    assert (await pool.take()).number == 1


async def test_closing_closes_what_waits_and_what_comes_back(exchange: Exchange):
    pool = Pool(exchange.connect, 2)
    idle, out = await pool.take(), await pool.take()
    pool.give_back(idle)

    await pool.close()
    was_open = out.is_open
    pool.give_back(out)

    assert (idle.is_open, was_open, out.is_open) == (False, True, False)


async def test_a_database_that_is_closed_has_no_connections_left(fresh_url: str, database: Database):
    ours = Database(fresh_url, 3, application_name="ours")
    theirs = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ours'")
    async with ours.transaction(), ours.transaction():
        assert await database.read(theirs) == [(2,)]

    await ours.close()

    async def are_gone() -> bool:
        return await database.read(theirs) == [(0,)]

    await until(are_gone)


async def test_a_database_that_refuses_does_not_use_up_the_pool(postgres: str):
    database = Database(database_url(postgres, "not_there"), 1)

    for _ in range(3):
        with pytest.raises(DBAPIError, match="does not exist"):
            await database.ping()

    assert database.pool.taken == 0
    await database.close()


async def test_a_connection_that_is_in_use_when_the_database_is_closed_ends_with_its_work(
    fresh_url: str, database: Database
):
    ours = Database(fresh_url, 1)

    async with ours.transaction() as connection:
        await ours.close()
        await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))

    assert connection.driver.is_closed()
    assert await database.read(text("SELECT name FROM products")) == [("A chair",)]
