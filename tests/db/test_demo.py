"""The demo shop is loaded once, whole, and in agreement with every rule that SQL can state."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url, text
from support.databases import copy_database
from support.log import logged, settle
from support.measuring import unmeasured

from db.base import new_id
from db.demo import seed_demo
from db.engine import Database
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor
from domain.demo.shop import DemoShop, make_shop
from domain.inventory.commands import receive_stock

TODAY = datetime(2026, 11, 21, 10, 5, 30, 123456, UTC)
HASH = "$argon2id$demo"

# What must never be found; the columns say where.
CONTRADICTIONS = {
    "a level is the sum of its movements": """
        SELECT l.id FROM stock_levels l LEFT JOIN stock_movements m USING (variant_id, warehouse_id)
        GROUP BY l.id
        HAVING l.on_hand IS DISTINCT FROM sum(m.on_hand_after - m.on_hand_before)
            OR l.reserved IS DISTINCT FROM sum(m.reserved_after - m.reserved_before)
    """,
    "movements are a chain in order of time and id": """
        SELECT id FROM (
            SELECT *, lag(on_hand_after, 1, 0) OVER level AS on_hand, lag(reserved_after, 1, 0) OVER level AS held
            FROM stock_movements
            WINDOW level AS (PARTITION BY variant_id, warehouse_id ORDER BY occurred_at, id)
        ) AS chain WHERE on_hand_before <> on_hand OR reserved_before <> held
    """,
    "reserved is the sum of the reservations": """
        SELECT l.id FROM stock_levels l LEFT JOIN reservations r ON r.level_id = l.id
        GROUP BY l.id HAVING l.reserved <> coalesce(sum(r.quantity), 0)
    """,
    "a total is the sum of the lines": """
        SELECT o.id FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id HAVING o.total IS DISTINCT FROM sum(l.quantity * l.unit_price)
    """,
    "an order has as many events as versions, in order of position": """
        SELECT o.id FROM orders o LEFT JOIN events e ON e.aggregate_type = 'ORDER' AND e.aggregate_id = o.id
        GROUP BY o.id
        HAVING array_agg(e.sequence ORDER BY e.position)
            <> ARRAY(SELECT generate_series(1, o.version)::bigint)
    """,
}


@pytest.fixture(scope="module")
def shop() -> DemoShop:
    with unmeasured():
        return make_shop(TODAY)


@pytest.fixture(scope="module")
def seeded(postgres: str, template: str) -> tuple[str, Mapping[str, int] | None]:
    """The name of a database that was loaded once, to copy from, and what the loading said."""

    async def load() -> tuple[str, Mapping[str, int] | None]:
        url = await copy_database(postgres, template)
        database = Database(url, 1)
        loaded = await seed_demo(database, TODAY, HASH)
        await database.close()
        return make_url(url).database or "", loaded

    return asyncio.run(load())


@pytest.fixture
def loaded(seeded: tuple[str, Mapping[str, int] | None]) -> Mapping[str, int]:
    """What the loading said."""
    assert seeded[1] is not None
    return seeded[1]


@pytest.fixture
async def full(postgres: str, seeded: tuple[str, Mapping[str, int] | None]) -> AsyncGenerator[Database]:
    """A loaded database."""
    database = Database(await copy_database(postgres, seeded[0]), 10)
    yield database
    await database.close()


async def test_every_table_has_the_rows_of_the_shop(full: Database, loaded: Mapping[str, int], shop: DemoShop):
    assert loaded == {
        "users": len(shop.users),
        "user_roles": len(shop.users),
        "customers": len(shop.customers),
        "addresses": len(shop.addresses),
        "products": len(shop.products),
        "variants": len(shop.variants),
        "warehouses": len(shop.warehouses),
        "orders": len(shop.orders),
        "order_lines": len(shop.lines),
        "stock_levels": len(shop.levels),
        "reservations": len(shop.reservations),
        "stock_movements": len(shop.movements),
        "returns": len(shop.returns),
        "return_lines": len(shop.return_lines),
        "pending_events": len(shop.events),
    }
    assert await _counts(full, loaded) == loaded


async def test_values_arrive_as_they_were_made_and_the_next_number_follows(full: Database, shop: DemoShop):
    order = shop.orders[0]
    [stored] = await full.read(text("SELECT * FROM orders WHERE number = 'OW-000001'"))
    assert (stored.id, stored.customer_id, stored.status) == (order.id, order.customer_id, order.status)
    assert (stored.total, stored.currency, stored.country) == (
        order.total.amount,
        order.total.currency_code,
        order.country,
    )
    assert (stored.version, stored.placed_at, stored.updated_at, stored.approved_at) == (
        order.version,
        order.placed_at,
        order.updated_at,
        shop.approvals.get(order.id),
    )
    users = await full.read(text("SELECT username, password_hash FROM users ORDER BY created_at"))
    assert [tuple(user) for user in users] == [(user.username, HASH) for user in shop.users]
    [row] = await full.read(text("SELECT nextval('order_numbers'), (SELECT max(number) FROM orders)"))
    assert tuple(row) == (len(shop.orders) + 1, f"OW-{len(shop.orders):06}")
    events = await logged(full, "position, id, payload")
    assert [tuple(event) for event in events] == [(event.position, event.id, event.payload) for event in shop.events]


async def test_the_first_change_of_a_level_is_its_first_event(full: Database):
    query = """
        SELECT sku, code FROM stock_levels l JOIN variants v ON v.id = variant_id
        JOIN warehouses w ON w.id = warehouse_id WHERE on_hand > 0 ORDER BY sku LIMIT 1"""
    [level] = await full.read(text(query))

    uow = SqlUnitOfWork(full, Actor.system(), None, lambda: None)
    await receive_stock(uow, Actor.system(), level.sku, level.code, 1)

    of_levels = await logged(full, "kind, sequence, payload ->> 'sku'", "aggregate_type = 'STOCK_LEVEL'")
    assert of_levels == [("STOCK_CHANGED", 1, level.sku)]


async def test_the_books_agree(full: Database):
    await settle(full)
    for name, contradiction in CONTRADICTIONS.items():
        assert await full.read(text(contradiction)) == [], name


async def test_a_filled_shop_is_left_alone(full: Database, loaded: Mapping[str, int]):
    assert await seed_demo(full, TODAY, HASH) is None
    assert await _counts(full, loaded) == loaded


async def test_a_shop_with_goods_of_its_own_is_left_alone(database: Database):
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO products (name) VALUES ('A chair')"))

    assert await seed_demo(database, TODAY, HASH) is None
    assert await _counts(database, ["products", "users"]) == {"products": 1, "users": 0}


async def test_two_processes_at_once_load_it_once(database: Database):
    loaded = await asyncio.gather(*(seed_demo(database, TODAY, HASH) for _ in range(2)))

    assert sorted(counts is None for counts in loaded) == [False, True]
    assert await _counts(database, ["orders"]) == {"orders": 2000}


async def test_people_who_came_first_keep_their_names(database: Database):
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO users (id, username, email, password_hash) VALUES (:id, 'Amelia', :email, 'x')"),
            {"id": new_id(), "email": "Priya@example.com"},
        )

    loaded = await seed_demo(database, TODAY, HASH)

    assert loaded is not None
    names = await database.read(text("SELECT username FROM users"))
    assert {"Amelia", "amelia2", "priya2"} < {name for (name,) in names}
    assert len(names) == 13


async def _counts(database: Database, tables: object) -> dict[str, int]:
    counts: dict[str, int] = {}
    for table in list(tables):
        [(count,)] = await database.read(text(f"SELECT count(*) FROM {table}"))
        counts[table] = count
    return counts
