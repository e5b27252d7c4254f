"""Parts of answers that the database writes: when a statement is prepared, and what happens where one fails."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from factories.orders import make_order
from factories.people import make_admin, make_customer
from factories.whole_shop import make_whole_shop
from sqlalchemy import text
from structlog.testing import capture_logs
from support.locks import WAITING, until_waiting
from support.shop import Shop
from support.waiting import until

from db.writer import SqlWriter
from graph.limits.desk import Desk

ORDERS = "{ orders { nodes { number customer { name } } } }"
FILTERED = "query ($first: Int, $filter: OrderFilter) { orders(first: $first, filter: $filter) { nodes { number } } }"


def statements(shop: Shop) -> int:
    """How many statements the writer keeps."""
    writer = shop.process.services.readers.writer
    assert isinstance(writer, SqlWriter)
    return len(writer._statements)


async def test_a_statement_is_the_same_whatever_is_compared_with_and_however_many_are_wanted(shop: Shop):
    admin = await make_admin(shop.database)
    for index in range(4):
        await make_order(shop.database, f"A{index}", country="Eire" if index else None)

    for first, filters, found in [
        (1, {"country": {"eq": "Eire"}}, 1),
        (100, {"country": {"eq": "Eire"}}, 3),
        (2, {"country": {"eq": "Nowhere"}}, 0),
    ]:
        answer = await shop.run(FILTERED, admin, first=first, filter=filters)
        assert (len(answer.data["orders"]["nodes"]), answer.statements) == (found, 1)
    assert statements(shop) == 1

    # Of another filter it is another, for all who have the same rights, and of what is asked once none is kept.
    await shop.get(FILTERED, admin, filter={"country": {"in": ["Eire"]}})
    assert statements(shop) == 1
    await shop.get(FILTERED, await make_admin(shop.database, "other"), filter={"country": {"in": ["Eire"]}})
    await shop.get(FILTERED, filter={"country": {"in": ["Eire"]}})
    assert statements(shop) == 2


async def test_documents_that_select_the_same_have_one_statement(shop: Shop):
    admin = await make_admin(shop.database)
    orders = "orders(first: %d) { nodes { number customer { name } } }"

    for number in range(1, 6):
        await shop.get(f"query Page{number} {{ {orders % number} }}", admin)

    assert statements(shop) == 1


async def test_what_is_asked_once_is_kept_neither_here_nor_by_the_driver_nor_by_the_database(shop: Shop):
    admin = await make_admin(shop.database)
    await make_order(shop.database, "A1", customer=await make_customer(shop.database))

    async def asked(name: str) -> tuple[int, int, int]:
        """What the writer keeps, the driver, and the database; each statement takes the connection of the last."""
        found = await shop.get(f"{{ orders {{ nodes {{ {name}: number }} }} }}", admin)
        assert found == {"orders": {"nodes": [{name: "A1"}]}}
        [driver] = shop.database.pool._idle[-1:]
        by_driver = sum(f'"{name}"' in query for query, *_ in driver._stmt_cache._entries)
        # The name is written in two parts, for this is a statement too.
        prepared = f"SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%\"' || '{name}\"%'"
        return statements(shop), by_driver, await shop.scalar(prepared)

    assert await asked("once") == (0, 0, 0)
    assert await asked("again") == (0, 0, 0)
    assert await asked("again") == (1, 1, 1)


async def test_what_is_new_is_prepared_at_the_desk_and_read_where_there_is_no_turn(shop: Shop):
    admin = await make_admin(shop.database)
    await make_order(shop.database, "A1", customer=await make_customer(shop.database))
    query = "query ($by: OrderOrder) { orders(orderBy: $by) { nodes { number customer { name } } } }"
    expected = {"orders": {"nodes": [{"number": "A1", "customer": {"name": "Ada"}}]}}
    desk = Desk(waiting=5, patience=0.01)
    busy = shop.held_to(desk=desk)

    async def asked(shop: Shop, field: str) -> tuple[Any, int]:
        answer = await shop.run(query, admin, by={"field": field})
        assert answer.errors == []
        return answer.data, answer.statements

    for _ in range(2):
        assert await asked(shop, "NUMBER") == (expected, 1)
    with capture_logs() as log:
        async with desk.turn("somebody else"):
            known, new = await asked(busy, "NUMBER"), await asked(busy, "TOTAL")

    # Neither the page nor what it leads to is written: there is no statement for either yet.
    assert (known, new) == ((expected, 1), (expected, 2))
    assert log == []
    assert await asked(shop, "TOTAL") == (expected, 1)


async def test_what_cannot_be_written_is_read_and_fails_as_reading_does(shop: Shop):
    whole = await make_whole_shop(shop.database, 1)
    told: list[Any] = []

    for change in ("customers RENAME COLUMN name TO other", "orders RENAME COLUMN number TO other"):
        await shop.database.execute(text(f"ALTER TABLE {change}"))
        with capture_logs() as log:
            written = await shop.run(ORDERS, whole.admin)
            shop.takes_json = False
            read = await shop.run(ORDERS, whole.admin)
            shop.takes_json = True
        assert (written.data, written.errors) == (read.data, read.errors)
        tried = [each["relation"] for each in log if each["event"] == "not_written"]
        told.append((written.data, [error["path"] for error in written.errors], tried))

    nodes = [{"number": number, "customer": None} for number in ("S0", "M00000")]
    assert told == [
        (
            {"orders": {"nodes": nodes}},
            [["orders", "nodes", each, "customer"] for each in range(2)],
            ["order", "customer"],
        ),
        (None, [["orders"]], ["order"]),
    ]


@asynccontextmanager
async def locked(shop: Shop, query: str, **services: Any) -> AsyncGenerator[asyncio.Task[Any]]:
    """An operation that waits for a table within the block, and no longer."""
    admin = await make_admin(shop.database)
    await make_order(shop.database, "A1", customer=await make_customer(shop.database))
    async with shop.database.transaction() as connection:
        await connection.execute(text("LOCK TABLE customers"))
        running = asyncio.create_task(Shop(replace(shop.process, **services)).run(query, admin))
        await until_waiting(shop)
        yield running


async def test_what_is_given_up_is_not_asked_for_a_second_time(shop: Shop):
    async with locked(shop, ORDERS) as running:
        await shop.scalar(f"SELECT count(pg_cancel_backend(pid)) {WAITING}")
        answer = await running

    assert answer.statements == 1
    [error] = answer.errors
    assert (error["path"], error["extensions"]["code"]) == (["orders"], "OPERATION_TIMEOUT")
    assert shop.database.pool.taken == 0


async def test_what_lost_its_connection_is_read_on_another(shop: Shop):
    with capture_logs() as log:
        async with locked(shop, ORDERS) as running:
            lost = await shop.scalar(f"SELECT pid {WAITING}")
            await shop.scalar(f"SELECT count(pg_terminate_backend(pid)) {WAITING}")

            async def is_read() -> bool:
                return await shop.scalar(f"SELECT count(*) {WAITING} AND pid <> {lost}") == 1

            await until(is_read)
        answer = await running

    assert (answer.data, answer.errors) == ({"orders": {"nodes": [{"number": "A1", "customer": {"name": "Ada"}}]}}, [])
    assert answer.statements == 3
    assert log == [
        {
            "event": "not_written",
            "log_level": "warning",
            "request_id": "test-request",
            "relation": "order",
            "error": "DBAPIError",
        }
    ]


@pytest.mark.parametrize(
    "query", [ORDERS, "{ orders { totalCount nodes { number } edges { node { customer { name } } } } }"]
)
async def test_whoever_gives_up_leaves_no_connection_behind(shop: Shop, query: str):
    async with locked(shop, query) as running:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        async def is_free() -> bool:
            # But for the one that holds the lock, and the one that looks.
            return await shop.scalar(f"SELECT count(*) {WAITING}") == 0

        await until(is_free)
    assert shop.database.pool.taken == 0


async def test_an_operation_takes_no_longer_than_it_may_where_the_database_writes(shop: Shop):
    limits = replace(shop.process.services.limits, operation_seconds=0.2)
    services = replace(shop.process.services, limits=limits)
    admin = await make_admin(shop.database)
    hasty = Shop(replace(shop.process, services=services))

    async with shop.database.transaction() as connection:
        await connection.execute(text("LOCK TABLE orders"))
        answer = await hasty.run(ORDERS, admin)

    assert [error["extensions"]["code"] for error in answer.errors] == ["OPERATION_TIMEOUT"]
    assert shop.database.pool.taken == 0
