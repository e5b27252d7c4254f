"""Lists whose filters few rows meet: those are found by an index, and not by searching the table for them."""

from collections.abc import AsyncGenerator
from contextlib import nullcontext
from decimal import Decimal
from itertools import product

import pytest
from factories.orders import SPRING
from sqlalchemy import text

from db.engine import Database
from db.orders import OrderReader
from db.writer import SqlWriter
from domain.actor import Actor
from domain.orders.model import OrderStatus
from domain.reading import Compare, Filters, PageRequest, Sort
from domain.writing import Edge, Form, Leaf, Target

LEVELS = Target(
    "stock_levels_of_variant", "id", [Leaf("onHand", "on_hand", Form.NUMBER, is_required=True)], is_list=True
)
VARIANT = Target("variant", "variant_id", [Edge("levels", LEVELS)], is_list=False)
LINES = Target("lines_of_order", "id", [Edge("variant", VARIANT)], is_list=True)
ORDER = Target("order", "", [Leaf("number", "number", Form.TEXT, is_required=True), Edge("lines", LINES)], is_list=True)
"""The more is planned, the less PostgreSQL likes to plan for each value again."""

MANY = 20_000
ORDERS = """
INSERT INTO orders (number, status, total, currency, country, placed_at)
SELECT 'A-' || lpad(n::text, 6, '0'), CASE WHEN n % 7000 = 1 THEN 'PENDING' ELSE 'DELIVERED' END, n, 'GBP',
  CASE WHEN n % 7000 = 1 THEN 'Malta' ELSE 'Eire' END,
  CAST(:begin AS timestamptz) + n * interval '1 minute' FROM generate_series(1, :orders) n
"""
"""Three are pending, and went to Malta: A-000001, A-007001 and A-014001."""

PENDING = ["A-014001", "A-007001", "A-000001"]

CASES: list[tuple[Filters, list[str]]] = [
    ({"status": Compare(in_=[OrderStatus.PENDING])}, PENDING),
    ({"status": Compare(eq=OrderStatus.PENDING)}, PENDING),
    ({"status": Compare(in_=[OrderStatus.PENDING, OrderStatus.REJECTED])}, PENDING),
    ({"status": Compare(in_=[OrderStatus.PENDING]), "total": Compare(gte=Decimal(2))}, PENDING[:2]),
    ({"country": Compare(eq="Malta")}, PENDING),
    ({"country": Compare(in_=["Malta", "Utopia"])}, PENDING),
    ({"country": Compare(eq="Utopia")}, []),
    ({"number": Compare(contains="07001")}, ["A-007001"]),
    ({"number": Compare(contains="07001"), "country": Compare(eq="Malta")}, ["A-007001"]),
    ({"total": Compare(gt=Decimal(MANY - 1))}, [f"A-0{MANY}"]),
]


@pytest.fixture
async def alone(fresh_url: str) -> AsyncGenerator[Database]:
    """Many orders, few of which are pending. One connection asks, and is told what it has read itself."""
    database = Database(fresh_url, 1)
    await database.execute(text(ORDERS), {"begin": SPRING, "orders": MANY})
    await database.execute(text("VACUUM ANALYZE orders"))
    yield database
    await database.close()


@pytest.fixture
async def searching(fresh_url: str) -> AsyncGenerator[Database]:
    """The connection of lists that are planned anew each time."""
    database = Database(fresh_url, 1, plans_anew=True)
    yield database
    await database.close()


async def rows_read(*databases: Database) -> int:
    """How many orders the connections have read so far, the index entries that led to none included."""
    for database in databases:
        await database.read(text("SELECT pg_stat_force_next_flush()"))
    figures = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'orders'"
    return (await databases[0].read(text(figures)))[0][0]


async def test_few_rows_are_found_without_reading_many(alone: Database, searching: Database) -> None:
    reader, writer, page, times = OrderReader(alone), SqlWriter(alone, searching), PageRequest(50), 10
    for (filters, expected), field in product(CASES, ("PLACED_AT", "TOTAL", "NUMBER")):
        sort, before = Sort(field, descending=True), await rows_read(alone, searching)

        for _ in range(times):
            # More often than PostgreSQL takes to settle for a plan.
            read = await reader.page(Actor.system(), filters, sort, page)
            written = await writer.page(Actor.system(), ORDER, filters, sort, page, nullcontext)

            assert [order.number for order in read.items] == expected, (filters, field)
            assert [each.text for each in written.items] == [
                f'{{"number":"{number}","lines":[]}}' for number in expected
            ]

        # Of each few are read: where it is found, and where it is read whole.
        assert await rows_read(alone, searching) - before <= 2 * times * 4 * len(expected), (filters, field)
