"""What a page leads to: it is found by its keys, however much there is beside it."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from factories.orders import SPRING
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.shop import Shop

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


async def test_a_page_of_ones_own_is_put_together_once_however_few_rows_were_expected(
    full: Shop, monkeypatch: pytest.MonkeyPatch
):
    buyer, database = await make_user(full.database), full.database
    sent: list[tuple[str, Sequence[Any]]] = []
    fetch = database.fetch

    async def noted(sql: str, arguments: Sequence[Any], **given: Any) -> Any:
        sent.append((sql, arguments))
        return await fetch(sql, arguments, **given)

    # Nothing is known of who has many orders.
    own = "UPDATE orders SET placed_by = :buyer WHERE id IN (SELECT id FROM orders ORDER BY placed_at DESC LIMIT 200)"
    await database.execute(text(own), {"buyer": buyer.user_id})
    monkeypatch.setattr(database, "fetch", noted)
    page = (await full.get(PAGE, buyer))["orders"]
    [(sql, arguments)] = sent
    [[told]] = await fetch(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", arguments)

    assert len(page["nodes"]) == SIZE
    # Each row is handled by some steps of the plan, and at most an order once for each other one of the page.
    assert rows_handled(orjson.loads(told)[0]["Plan"]) <= 25 * (SIZE + 1) * sum(ROWS.values())
