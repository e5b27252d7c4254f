"""What a page leads to: it is found by its keys, however much there is beside it."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from factories.orders import SPRING
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.shop import Shop

from db.engine import Database, statement_count

FILLED = (
    "SET orderwire.sales_are_noted = off",
    "INSERT INTO warehouses (code, name) VALUES ('LON', 'London'), ('LEE', 'Leeds')",
    "INSERT INTO products (name) SELECT 'Product ' || n FROM generate_series(1, 1000) n",
    """INSERT INTO variants (product_id, sku, name, price, currency)
    SELECT id, name || n, name, 2, 'GBP' FROM products, generate_series(1, 4) n""",
    """INSERT INTO stock_levels (variant_id, warehouse_id, on_hand)
    SELECT v.id, w.id, 5 FROM variants v, warehouses w""",
    "INSERT INTO customers (name) SELECT 'Customer ' || n FROM generate_series(1, 1000) n",
    """INSERT INTO orders (number, customer_id, status, total, currency, placed_at)
    SELECT name, id, CASE WHEN name < 'Customer 4' THEN 'PENDING' ELSE 'DELIVERED' END, 6, 'GBP',
      CAST(:begin AS timestamptz) + row_number() OVER (ORDER BY id) * interval '1 minute' FROM customers""",
    """INSERT INTO order_lines (order_id, position, variant_id, quantity, unit_price, currency)
    SELECT o.id, position, v.ids[1 + (n * 37 + position * 1301) % 4000], 1, 2, 'GBP'
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders) o,
      (SELECT array_agg(id) AS ids FROM variants) v, generate_series(1, 3) position""",
    "ANALYZE",
    "RESET orderwire.sales_are_noted",
)
"""A thousand orders of three lines each, and four thousand variants with two levels each."""

SIZE = 50
ROWS = {"orders": 2, "customers": 1, "order_lines": 3, "variants": 3, "stock_levels": 6}
"""How many rows are read for an order on the page, at most. Itself may be found first, and read then."""

PAGE = """
query ($filter: OrderFilter, $after: String) {
  orders(first: 50, after: $after, filter: $filter, orderBy: {field: PLACED_AT, direction: DESC}) {
    nodes { number customer { name } lines { quantity variant { sku stockLevels { onHand warehouse { code } } } } }
    pageInfo { endCursor }
  }
}
"""


@pytest.fixture
async def full(shop: Shop) -> Shop:
    """A shop with many orders and a large catalog. Each operation is one statement, and so one connection asks."""
    async with shop.database.session() as connection:
        for statement in FILLED:
            await connection.execute(text(statement), {"begin": SPRING} if ":begin" in statement else None)
    return shop


async def rows_read(shop: Shop) -> dict[str, int]:
    """How many rows of each table were read so far."""
    await shop.database.read(text("SELECT pg_stat_force_next_flush()"))
    figures = "SELECT relname, seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables"
    return dict(await shop.database.read(text(figures)))


async def test_a_page_reads_the_rows_that_it_tells_of_and_none_beside(full: Shop):
    admin, times = await make_admin(full.database), 10
    cursor = (await full.get(PAGE, admin))["orders"]["pageInfo"]["endCursor"]
    cases: list[dict[str, Any]] = [
        {},
        {"after": cursor},
        {"filter": {"status": {"eq": "PENDING"}}},
        {"filter": {"status": {"in": ["PENDING"]}}},
    ]

    for variables in cases:
        before = await rows_read(full)
        for _ in range(times):
            # More often than PostgreSQL takes to settle for a plan.
            assert len((await full.get(PAGE, admin, **variables))["orders"]["nodes"]) == SIZE
        after = await rows_read(full)

        for table, rows in ROWS.items():
            # One row more tells whether there is another page.
            assert after[table] - before[table] <= times * (SIZE + 1) * rows, (variables, table)


def rows_handled(plan: dict[str, Any]) -> float:
    """How many rows a plan and all below it handled, those that a join compared in vain included."""
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Join Filter", 0)
    return rows * plan["Actual Loops"] + sum(map(rows_handled, plan.get("Plans", ())))


Sent = list[tuple[str, Sequence[Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The statements that operations send from now on, whichever pool they go by."""
    statements: Sent = []
    fetch = Database.fetch

    async def noted(self: Database, sql: str, arguments: Sequence[Any], **given: Any) -> Any:
        if statement_count() is not None:
            statements.append((sql, arguments))
        return await fetch(self, sql, arguments, **given)

    monkeypatch.setattr(Database, "fetch", noted)
    return statements


async def plan_of(shop: Shop, sent: Sent) -> dict[str, Any]:
    """How the one statement that was sent is carried out."""
    [(sql, arguments)] = sent
    [[told]] = await shop.database.fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", arguments)
    return orjson.loads(told)[0]["Plan"]


async def test_a_page_of_ones_own_is_put_together_once_however_few_rows_were_expected(full: Shop, sent: Sent):
    buyer = await make_user(full.database)
    # Nothing is known of who has many orders.
    own = "UPDATE orders SET placed_by = :buyer WHERE id IN (SELECT id FROM orders ORDER BY placed_at DESC LIMIT 200)"
    await full.database.execute(text(own), {"buyer": buyer.user_id})
    sent.clear()

    page = (await full.get(PAGE, buyer))["orders"]

    assert len(page["nodes"]) == SIZE
    # Each row is handled by some steps of the plan, and at most an order once for each other one of the page.
    assert rows_handled(await plan_of(full, sent)) <= 25 * (SIZE + 1) * sum(ROWS.values())


def rows_looked_at(plan: dict[str, Any]) -> float:
    """How many rows a plan and all below it looked at, those that were not wanted included."""
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return rows * plan["Actual Loops"] + sum(map(rows_looked_at, plan.get("Plans", ())))


# Each kind of thing with a filter that one of them matches, and how ten thousand are made.
SEARCHES = {
    "customers": (
        'name: {contains: "98765"}',
        "INSERT INTO customers (name) SELECT 'Customer ' || n FROM generate_series(90001, 100000) n",
    ),
    "products": (
        'name: {contains: "98765"}',
        "INSERT INTO products (name) SELECT 'Product ' || n FROM generate_series(90001, 100000) n",
    ),
    "variants": (
        'sku: {contains: "98765"}',
        """WITH product AS (INSERT INTO products (name) VALUES ('Product') RETURNING id)
        INSERT INTO variants (product_id, sku, name, price, currency)
        SELECT id, 'SKU ' || n, 'Variant', 2, 'GBP' FROM product, generate_series(90001, 100000) n""",
    ),
}


@pytest.mark.parametrize("things", SEARCHES)
async def test_a_part_of_a_text_is_found_without_looking_at_all_texts(shop: Shop, sent: Sent, things: str):
    condition, filling = SEARCHES[things]
    admin = await make_admin(shop.database)
    async with shop.database.session() as connection:
        for statement in (filling, "VACUUM ANALYZE"):
            await connection.execute(text(statement))
    sent.clear()

    found = await shop.get(f"{{ {things}(first: 50, filter: {{{condition}}}) {{ nodes {{ id }} }} }}", admin)

    assert len(found[things]["nodes"]) == 1
    # One row in each step of the plan.
    assert rows_looked_at(await plan_of(shop, sent)) <= 10
