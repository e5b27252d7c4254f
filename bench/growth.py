"""What a request costs in a shop of 10,000 orders, and what the same costs in one of 1,000,000.

Both shops lie in one PostgreSQL and differ in nothing but their orders, lines, customers and users: the catalog and its
stock, how many lines an order has, how many orders a customer, and the 40 pending orders are the same, and so are the
bytes of the answers, nearly. Requests are for rows all over the tables, in turn, and were sent before: the caches are
warm. The shops take turns, and the figures are medians: CPU of this process, which executes the operation and encodes
the answer, and CPU of all of PostgreSQL. What counts everything, or filters by what no index has, is expected to grow.

    PYTHONPATH=. .venv/bin/python bench/growth.py --runs 7
"""

import argparse
import gc
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import uvloop
from execution import ORDER_POINT, ORDERS_PAGE, PRODUCTS_FLAT
from sqlalchemy import text

from app.settings import Settings
from app.wiring import running
from db import migrate
from db.embedded import database_url, embedded_server
from db.engine import Database
from db.orders import orders as tables
from db.reading import Keyset
from domain.actor import Actor, Origin
from domain.reading import Sort
from graph.context import Context, Services
from graph.node import global_id
from graph.schema import build_schema
from graph.writing import encoded

SHOPS = {"small": 10_000, "large": 1_000_000}
AT_ONCE = 50_000
"""Orders that one statement inserts: PostgreSQL remembers each new row until it has checked its references."""

CATALOG = (
    "INSERT INTO warehouses (code, name, priority) VALUES ('LON', 'London', 10), ('LEE', 'Leeds', 20)",
    "INSERT INTO products (name) SELECT 'Product ' || lpad(n::text, 4, '0') FROM generate_series(0, 999) n",
    """INSERT INTO variants (product_id, sku, name, price, currency)
    SELECT p.id, 'SKU-' || right(p.name, 4) || '-' || n, p.name || ', ' || n, 2.50 + n, 'GBP'
    FROM products p, generate_series(0, 3) n""",
    """INSERT INTO stock_levels (variant_id, warehouse_id, on_hand)
    SELECT v.id, w.id, 1000 FROM variants v, warehouses w""",
)
PEOPLE = (
    """INSERT INTO users (username, email, created_at)
    SELECT 'user' || lpad(n::text, 8, '0'), 'user' || n || '@example.com', now() - n * interval '10 minutes'
    FROM generate_series(0, :customers - 1) n""",
    """INSERT INTO customers (user_id, reference, name, email, created_at)
    SELECT id, 'C-' || right(username, 8), 'Customer ' || right(username, 8), email, created_at FROM users""",
)
# By their age in minutes. A customer has ten, all over the time, and those that are still on their way are the newest.
ORDERS = """
WITH goods AS (SELECT array_agg(id ORDER BY sku) AS ids FROM variants), made AS (
  INSERT INTO orders (id, number, customer_id, placed_by, status, total, currency, country, placed_at, approved_at)
  SELECT uuidv7(age * interval '-1 minute'), 'OW-' || lpad((:orders - age)::text, 7, '0'), c.id, c.user_id,
    CASE WHEN age < 40 THEN 'PENDING' WHEN age < 200 THEN 'APPROVED' WHEN age < 1000 THEN 'SHIPPED'
      WHEN age % 100 < 4 THEN 'CANCELLED' WHEN age % 100 < 7 THEN 'RETURNED' ELSE 'DELIVERED' END,
    10 + hashint8(age) % 1000 / 100.0, 'GBP',
    CASE WHEN age % 10 = 0 THEN 'Country ' || age / 10 % 37 ELSE 'United Kingdom' END,
    now() - age * interval '1 minute',
    CASE WHEN age >= 40 THEN now() - age * interval '1 minute' END
  FROM generate_series(CAST(:first AS bigint), :last) age
  JOIN customers c ON c.reference = 'C-' || lpad((age % (:orders / 10))::text, 8, '0')
  RETURNING id, :orders - substr(number, 4)::bigint AS age
)
INSERT INTO order_lines (order_id, position, variant_id, quantity, unit_price, currency)
SELECT made.id, position, ids[1 + abs(hashint8(age * 5 + position) % 4000)], position, 2.50, 'GBP'
FROM made, goods, generate_series(1, 1 + age % 5) position
"""

PAGE = ORDERS_PAGE.replace(
    "$first: Int!", "$first: Int!, $after: String, $filter: OrderFilter, $orderBy: OrderOrder"
).replace(
    "filter: {status: {in: null}}, orderBy: {field: PLACED_AT, direction: DESC}",
    "after: $after, filter: $filter, orderBy: $orderBy",
)
OWN = "query ($first: Int!) { orders(first: $first) { nodes { number status total { amount } lines { quantity } } } }"
CUSTOMERS = "query ($part: String!) { customers(first: 50, filter: {name: {contains: $part}}) { nodes { name } } }"
COUNT = "{ orders(first: 1) { totalCount } }"
SAMPLE = 100
"""How many orders, places and customers of a shop are asked for in turn: all over the tables."""

SAMPLES = """
SELECT o.id, c.id AS customer, c.user_id AS buyer, o.placed_at FROM orders o JOIN customers c ON c.id = o.customer_id
WHERE o.number IN (
  SELECT 'OW-' || lpad((:orders / :sample * n + 1)::text, 7, '0') FROM generate_series(0, :sample - 1) n)
ORDER BY o.id
"""
TIMES = {"OrderPoint": 500, "country `eq` what none has": 10, "`totalCount`": 10}
"""How many requests are timed together: many where each is small, and few where it is not."""

Ask = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Operation:
    """A query, and the variables and the viewers of its requests, which take turns."""

    query: str
    variables: Sequence[Mapping[str, Any]] = ({},)
    viewers: Sequence[Actor] = (Actor.system(),)


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU that a request takes: of this process, and of PostgreSQL."""

    here: float
    postgres: float

    @property
    def both(self) -> float:
        return self.here + self.postgres


def main() -> None:
    """Fill both shops, measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place:
        data_dir = Path(place)
        with embedded_server(data_dir / "postgres") as server:
            postgres = psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0]))
            urls = {name: database_url(server, f"growth_{name}") for name in SHOPS}
            uvloop.run(measure(urls, data_dir, postgres, runs))


async def measure(urls: Mapping[str, str], data_dir: Path, postgres: psutil.Process, runs: int) -> None:
    """Take all figures and print them."""
    for name, orders in SHOPS.items():
        await fill(urls[name], orders)
    found: dict[str, dict[str, list[Cost]]] = {}
    async with AsyncExitStack() as stack:
        asks: dict[str, dict[str, Ask]] = {}
        for shop, url in urls.items():
            settings = Settings(database_url=url, broadcast_url="memory://", data_dir=data_dir, expose_statements=False)
            process = await stack.enter_async_context(running(settings))
            for name, operation in (await operations(process.database, SHOPS[shop])).items():
                asks.setdefault(name, {})[shop] = asking(process.services, operation)
        for name, ways in asks.items():
            found[name] = await compare(ways, postgres, runs, TIMES.get(name, SAMPLE))
    tell(found, runs)


async def fill(url: str, orders: int) -> None:
    """Make a shop of so many orders, by statements that insert many rows at once."""
    began = time.monotonic()
    database = Database(url, 1)
    await migrate.upgrade(database)
    async with database.session() as connection:
        # As imports do: no report is asked for.
        await connection.execute(text("SET orderwire.sales_are_noted = off"))
        for statement in CATALOG:
            await connection.execute(text(statement))
        for statement in PEOPLE:
            await connection.execute(text(statement), {"customers": orders // 10})
        # The newest last, as they come.
        for first in reversed(range(0, orders, AT_ONCE)):
            given = {"orders": orders, "first": first, "last": min(orders, first + AT_ONCE) - 1}
            await connection.execute(text(ORDERS), given)
        await connection.execute(text("VACUUM ANALYZE"))
        await connection.execute(text("CHECKPOINT"))
        size = await connection.execute(text("SELECT pg_database_size(current_database()) / 1000000"))
    await database.close()
    print(f"{orders:,} orders, {size.scalar_one():,} MB, filled in {time.monotonic() - began:.0f} s")


async def operations(database: Database, orders: int) -> dict[str, Operation]:
    """What is asked for in a shop."""
    sample = await database.read(text(SAMPLES), {"orders": orders, "sample": SAMPLE})
    newest = Keyset(Sort("PLACED_AT", descending=True), tables.c.placed_at, tables.c.id)
    page = {"first": 50}
    buyers = [Actor(each.buyer) for each in sample]
    customers = [{"filter": {"customer": {"eq": global_id("Customer", each.customer)}}} for each in sample]

    def filtered(by: dict[str, Any], field: str = "PLACED_AT") -> Operation:
        return Operation(PAGE, [page | {"filter": by, "orderBy": {"field": field, "direction": "DESC"}}])

    return {
        "ProductsFlat": Operation(PRODUCTS_FLAT, [{"first": 100}]),
        "OrderPoint": Operation(ORDER_POINT, [{"id": global_id("Order", each.id)} for each in sample]),
        "OrdersPage": Operation(PAGE, [page]),
        "deep in the list": Operation(PAGE, [page | {"after": newest.cursor(each)} for each in sample]),
        "of a customer": Operation(PAGE, [page | each for each in customers]),
        "own, of a customer": Operation(OWN, [page], buyers),
        "status `eq` DELIVERED": filtered({"status": {"eq": "DELIVERED"}}),
        "status `eq` PENDING": filtered({"status": {"eq": "PENDING"}}),
        "status `in` PENDING": filtered({"status": {"in": ["PENDING"]}}),
        "status `in` PENDING, APPROVED": filtered({"status": {"in": ["PENDING", "APPROVED"]}}),
        "status `eq` PENDING, by total": filtered({"status": {"eq": "PENDING"}}, "TOTAL"),
        "total `gte` what none has": filtered({"total": {"gte": "100000"}}),
        "country `eq` what none has": filtered({"country": {"eq": "Utopia"}}),
        "number `contains`": filtered({"number": {"contains": "77123"[: len(str(orders)) - 2]}}),
        "customers, name `contains`": Operation(CUSTOMERS, [{"part": f"{orders // 11}"}]),
        "`totalCount`": Operation(COUNT),
    }


def asking(services: Services, operation: Operation) -> Ask:
    """What executes an operation, each time with the next variables and for the next viewer."""
    schema, origin = build_schema(), Origin("bench", "127.0.0.1")
    variables, viewers = cycle(operation.variables), cycle(operation.viewers)

    async def ask() -> bytes:
        context = Context(services, next(viewers), origin, takes_json=True)
        result = await schema.execute(operation.query, next(variables), context_value=context)
        if result.errors:
            raise SystemExit(f"{operation.query}\n{result.errors}")
        return encoded(result.data)

    return ask


async def compare(asks: Mapping[str, Ask], postgres: psutil.Process, runs: int, requests: int) -> dict[str, Cost]:
    """What a request costs in each shop: the medians of runs that take turns."""
    for ask in asks.values():
        # Until all is in the caches, and PostgreSQL has settled for its plans.
        for _ in range(requests):
            await ask()
    gc.collect()
    costs: dict[str, list[Cost]] = {shop: [] for shop in asks}
    for _ in range(runs):
        for shop, ask in asks.items():
            here, there = time.process_time(), spent(postgres)
            for _ in range(requests):
                await ask()
            taken = time.process_time() - here, spent(postgres) - there
            costs[shop].append(Cost(*(1000 * each / requests for each in taken)))
    return {
        shop: Cost(statistics.median(each.here for each in taken), statistics.median(each.postgres for each in taken))
        for shop, taken in costs.items()
    }


def spent(postgres: psutil.Process) -> float:
    """The CPU seconds of PostgreSQL: of its processes, to the nanosecond, and of those that have ended."""
    times = postgres.cpu_times()
    total = times.children_user + times.children_system
    for process in (postgres, *postgres.children(recursive=True)):
        with suppress(FileNotFoundError, ProcessLookupError):
            total += int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    return total


def tell(found: Mapping[str, Mapping[str, Cost]], runs: int) -> None:
    names = ("strawberry-graphql", "sqlalchemy", "asyncpg")
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print(", ".join(f"{name} {version(name)}" for name in names))
    print(f"load average {os.getloadavg()[0]:.1f}; medians of {runs} runs, CPU ms for a request\n")
    print("| operation | small: CPU ms | PostgreSQL | large: CPU ms | PostgreSQL | ratio | PostgreSQL |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, each in found.items():
        small, large = each.values()
        figures = (small.here, small.postgres, large.here, large.postgres)
        ratios = (large.both / small.both, large.postgres / small.postgres)
        print("| " + " | ".join((name, *(f"{each:.2f}" for each in (*figures, *ratios)))) + " |")


if __name__ == "__main__":
    main()
