"""The shop that all serve: the demo shop, goods that do not sell out, and what the peers need in the database."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from operations import STATUS
from servers import HERE

from db import migrate
from db.demo import seed_demo
from db.embedded import DATABASE, database_url, embedded_server
from db.engine import Database
from graph.node import global_id

ORDERS = 50
"""How many orders are looked up in turns."""

PAIRS = 32
"""Pairs of variants to be ordered, two for each connection: next to nobody waits for another's stock."""

GOODS = """
WITH p AS (INSERT INTO products (name) VALUES ('Zz ' || $1) RETURNING id),
  v AS (
    INSERT INTO variants (product_id, sku, name, price, currency) SELECT id, $1, $1, 2.50, 'GBP' FROM p RETURNING id
  )
INSERT INTO stock_levels (variant_id, warehouse_id, on_hand)
SELECT v.id, w.id, 100000000 FROM v, (SELECT id FROM warehouses ORDER BY priority, code LIMIT 1) w
"""


@dataclass(frozen=True)
class Shop:
    """The database and what the operations name of it."""

    server_url: str
    url: str
    postgres: int
    """The process of the database server."""
    postgres_version: str
    orders: list[str]
    customer: str
    """Who bought the first."""
    pairs: list[tuple[str, str]]

    @contextmanager
    def copied(self) -> Generator["Shop"]:
        """The same shop in a database of its own: orders that are placed in it are in nobody else's way."""
        name = "orderwire_copy"
        asyncio.run(self._run(f"CREATE DATABASE {name} TEMPLATE {DATABASE}"))
        try:
            yield replace(self, url=database_url(self.server_url, name))
        finally:
            asyncio.run(self._run(f"DROP DATABASE {name} WITH (FORCE)"))

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(database_url(self.server_url, "postgres"))
        await connection.execute(statement)
        await connection.close()

    @property
    def global_orders(self) -> list[str]:
        """The ids of the orders as Orderwire writes them."""
        return [global_id("Order", UUID(order)) for order in self.orders]


@contextmanager
def open_shop(place: Path) -> Generator[Shop]:
    """Start PostgreSQL in a directory and fill it."""
    directory = place / "postgres"
    with embedded_server(directory) as server:
        postmaster = int((directory / "postmaster.pid").read_text().splitlines()[0])
        yield asyncio.run(_fill(server, postmaster))


async def _fill(server: str, postmaster: int) -> Shop:
    url = database_url(server)
    database = Database(url, 2)
    await migrate.upgrade(database)
    await seed_demo(database, datetime.now(UTC), "no password")
    await database.close()
    connection = await asyncpg.connect(url)
    await connection.execute((HERE / "shop.sql").read_text())
    skus = [f"BENCH{number:02}" for number in range(2 * PAIRS)]
    await connection.executemany(GOODS, [(sku,) for sku in skus])
    await connection.execute("VACUUM ANALYZE")
    newest = "SELECT id, customer_id FROM orders WHERE status = $1 ORDER BY placed_at DESC, id DESC LIMIT $2"
    orders = await connection.fetch(newest, STATUS, ORDERS)
    version = (await connection.fetchval("SHOW server_version")).split()[0]
    await connection.close()
    pairs = list(zip(skus[::2], skus[1::2], strict=True))
    ids = [str(order["id"]) for order in orders]
    return Shop(server, url, postmaster, version, ids, str(orders[0]["customer_id"]), pairs)
