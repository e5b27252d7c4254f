"""What a transaction writes goes together: as one statement, in order, seen by whatever is read after it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from factories.goods import make_variant
from factories.orders import make_order
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from db.base import new_id
from db.catalog import variants
from db.customers import customers
from db.engine import Database, count_statements
from db.events import pending_events
from db.inventory import stock_levels
from db.orders import order_lines, orders
from db.writes import FEW, Writes
from domain.orders.model import OrderStatus

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def order(number: str, **given: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "number": number,
        "status": OrderStatus.PENDING,
        "total": Decimal("2.505"),
        "currency": "GBP",
        "country": None,
        "placed_at": NOON,
        **given,
    }


def line(of: UUID, position: int, variant: UUID) -> dict[str, Any]:
    amounts = {"quantity": 2, "unit_price": Decimal("0.001"), "currency": "GBP"}
    return {"order_id": of, "position": position, "variant_id": variant, **amounts}


def event(sequence: int, **payload: Any) -> dict[str, Any]:
    aggregate = {"aggregate_type": "ORDER", "aggregate_id": UUID(int=1), "kind": "ORDER_STATUS_CHANGED"}
    return {**aggregate, "sequence": sequence, "payload": payload, "address": f"192.0.2.{sequence}"}


def test_few_rows_are_values_and_many_are_arrays():
    writes = Writes()
    writes.insert(order_lines, [{"order_id": UUID(int=1), "position": 1}, {"order_id": UUID(int=1), "position": 2}])
    writes.insert(orders, [{"number": f"A{each}"} for each in range(FEW + 1)])
    writes.update(stock_levels, [{"id": UUID(int=2), "on_hand": 7}])

    sql, bound = writes.statement()

    assert sql == (
        "WITH part_1 AS (INSERT INTO order_lines (order_id, position) SELECT order_id, position"
        " FROM (VALUES ($1::UUID, $2::INTEGER), ($3::UUID, $4::INTEGER)) AS given (order_id, position)),"
        " part_2 AS (INSERT INTO orders (number) SELECT number FROM unnest($5::TEXT[]) AS given (number))"
        " UPDATE stock_levels SET on_hand = given.on_hand"
        " FROM (VALUES ($6::UUID, $7::INTEGER)) AS given (id, on_hand) WHERE stock_levels.id = given.id"
    )
    assert bound == [UUID(int=1), 1, UUID(int=1), 2, ["A0", "A1", "A2", "A3", "A4"], UUID(int=2), 7]


@pytest.mark.parametrize("rows", [1, FEW, FEW + 1])
async def test_values_arrive_as_they_are_and_rows_in_their_order(database: Database, rows: int):
    variant = await make_variant(database)
    made = order("A1")
    count = count_statements()

    async with database.transaction() as connection:
        await connection.insert(orders, [made])
        await connection.insert(order_lines, [line(made["id"], each, variant) for each in range(rows, 0, -1)])
        await connection.insert(pending_events, [event(each, n=each, text="'é\"") for each in range(rows, 0, -1)])
        assert count.value == 0

    assert count.value == 1
    columns = ("id", "number", "status", "total", "currency", "country", "placed_at")
    [stored] = await database.read(select(*(orders.c[name] for name in columns)))
    assert dict(stored) == made
    stored = await database.read(text("SELECT position, unit_price FROM order_lines ORDER BY position"))
    assert stored == [(each, Decimal("0.001")) for each in range(1, rows + 1)]
    stored = await database.read(text("SELECT sequence, payload, host(address) FROM pending_events ORDER BY ordinal"))
    assert stored == [(each, {"n": each, "text": "'é\""}, f"192.0.2.{each}") for each in range(rows, 0, -1)]


async def test_what_is_read_sees_what_was_written_before(database: Database):
    count = count_statements()

    async with database.transaction() as connection:
        await connection.insert(orders, [order("A1")])
        await connection.insert(orders, [order("A2"), order("A3")])
        numbers = [row.number for row in (await connection.execute(select(orders.c.number))).all()]
        await connection.insert(orders, [order("A4")])
        changed = await connection.count(text("UPDATE orders SET country = 'Ghana'"))

    assert (numbers, changed, count.value) == (["A1", "A2", "A3"], 4, 4)


async def test_what_changes_a_row_that_is_written_waits_for_it(database: Database):
    first, second = order("A1"), order("A2")
    count = count_statements()

    async with database.transaction() as connection:
        await connection.insert(orders, [first, second])
        for status in (OrderStatus.APPROVED, OrderStatus.SHIPPED):
            await connection.update(orders, [{"id": each["id"], "status": status} for each in (first, second)])
        await connection.insert(orders, [order("A3", status=OrderStatus.REJECTED)])
        await connection.insert(orders, [{**order("A4"), "notes": "Of other columns."}])

    assert count.value == 5
    stored = await database.read(text("SELECT number, status FROM orders ORDER BY number"))
    assert stored == [("A1", "SHIPPED"), ("A2", "SHIPPED"), ("A3", "REJECTED"), ("A4", "PENDING")]


async def test_many_rows_are_changed_each_to_its_own(database: Database):
    made = [order(f"A{each}") for each in range(FEW + 2)]

    async with database.transaction() as connection:
        await connection.insert(orders, made)
        await connection.update(orders, [{"id": each["id"], "notes": each["number"]} for each in made[1:]])

    stored = await database.read(text("SELECT number, notes FROM orders ORDER BY number"))
    assert stored == [("A0", None), *((each["number"], each["number"]) for each in made[1:])]


async def test_what_cannot_be_stored_is_told_at_the_end_and_all_is_undone(database: Database):
    await make_order(database, "A1")

    with pytest.raises(IntegrityError, match="orders_number_key"):  # noqa: PT012  (leaving the block is what is tested)
        async with database.transaction() as connection:
            await connection.insert(customers, [{"name": "Hedwig"}])
            await connection.insert(orders, [order("A1")])

    assert await database.read(text("SELECT name FROM customers")) == []
    await database.ping()


async def test_a_savepoint_takes_back_what_was_written_in_it_and_nothing_else(database: Database):
    async with database.transaction() as connection:
        await connection.insert(customers, [{"name": "Before"}])
        for name in ("Sent", "Waiting"):
            with pytest.raises(ZeroDivisionError):  # noqa: PT012  (leaving the block is what is tested)
                async with connection.savepoint():
                    await connection.insert(customers, [{"name": name}])
                    if name == "Sent":
                        await connection.flush()
                    raise ZeroDivisionError
        async with connection.savepoint():
            await connection.insert(customers, [{"name": "Kept"}])
        await connection.insert(customers, [])

    assert await database.read(text("SELECT name FROM customers ORDER BY name")) == [("Before",), ("Kept",)]


async def test_nothing_is_written_where_the_block_fails(database: Database):
    count = count_statements()

    with pytest.raises(ZeroDivisionError):  # noqa: PT012  (leaving the block is what is tested)
        async with database.transaction() as connection:
            await connection.insert(customers, [{"name": "Hedwig"}])
            raise ZeroDivisionError

    assert count.value == 0
    assert await database.read(select(variants.c.id)) == await database.read(select(customers.c.id)) == []
