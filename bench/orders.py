"""How many orders of two lines the server places a second, and how long each takes.

A real `orderwire serve` with its embedded PostgreSQL, which flushes each commit to the disk as it does by default. The
clients are those of wrk (bench/peers/load.py). The orders are of pairs of variants that take turns, two for each
client, or all of one variant ("hot"). CPU is that of the server's process and that of all of PostgreSQL, for each
order; the log, the roll-ups and whatever else they do in the background is in it.

The baseline, in the same run and on the same PostgreSQL, is the least that any shop must do: one transaction that takes
the stock by `UPDATE … WHERE on_hand - reserved >= …`, and inserts the order and its two lines, by asyncpg.

    PYTHONPATH=. .venv/bin/python bench/orders.py --seconds 4 --runs 3
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from bench.peers.load import Figures, Job, load
from db.base import new_id
from db.embedded import database_url, embedded_server

ROOT = Path(__file__).parents[1]
PASSWORD = "bench-password-1"
CLIENTS = (1, 8, 32)
STOCK = 100_000_000

PLACE = """
mutation ($input: OrderPlaceInput!) {
  orderPlace(input: $input) { order { number status total { amount currencyCode } } userErrors { code message } }
}
"""
SIGN_IN = "mutation ($input: TokenCreateInput!) { tokenCreate(input: $input) { accessToken } }"

GOODS = """
WITH p AS (INSERT INTO products (name) VALUES ($1) RETURNING id),
  v AS (
    INSERT INTO variants (product_id, sku, name, price, currency) SELECT id, $1, $1, 2.50, 'GBP' FROM p RETURNING id
  ),
  l AS (INSERT INTO stock_levels (variant_id, warehouse_id, on_hand) SELECT id, $2, $3 FROM v RETURNING id)
SELECT v.id AS variant, l.id AS level FROM v, l
"""
TAKE = "UPDATE stock_levels SET reserved = reserved + $2 WHERE id = $1 AND on_hand - reserved >= $2 RETURNING id"
ORDER = "INSERT INTO orders (id, number, status, total, currency) VALUES ($1, $2, 'PENDING', 5.00, 'GBP')"
LINE = "INSERT INTO order_lines VALUES ($1, $2, $3, 'A line', 1, 2.50, 'GBP')"

Work = Callable[[int], Awaitable[None]]


def main() -> None:
    """Measure everything in turn, `--runs` times, and print the medians as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place:
        data_dir = Path(place)
        with embedded_server(data_dir / "postgres") as server, serving(data_dir) as (pid, address):
            pids = {"server": pid, "postgres": int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])}
            placing = Placing(address, pids, given.seconds)
            asyncio.run(measure(database_url(server), placing, given.seconds, given.runs))


@contextmanager
def serving(data_dir: Path) -> Generator[tuple[int, str]]:
    """The process and the address of `orderwire serve` on an empty shop."""
    settings = {"DATA_DIR": data_dir, "PORT": 0, "SEED": "false", "ADMIN_PASSWORD": PASSWORD, "LOG_LEVEL": "warning"}
    settings |= {"ENVIRONMENT": "production", "BUDGET": 0}
    env = {"PATH": os.environ["PATH"], "HOME": str(data_dir), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    env |= {f"ORDERWIRE_{name}": str(value) for name, value in settings.items()}
    told = data_dir / "told.txt"
    command = [sys.executable, "-c", "from app.__main__ import main; main()", "serve"]
    with told.open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=data_dir)
    try:
        while "Stop it" not in told.read_text():
            if process.poll() is not None:
                raise SystemExit(told.read_text())
            time.sleep(0.05)
        words = told.read_text().split()
        yield process.pid, next(word for word in words if word.startswith("http") and word.endswith("/graphql"))
    finally:
        process.terminate()
        process.wait()


class Placing:
    """Orders that are placed over HTTP."""

    def __init__(self, address: str, pids: dict[str, int], seconds: float) -> None:
        self._address, self._pids, self._seconds = address, pids, seconds
        given = {"query": SIGN_IN, "variables": {"input": {"username": "admin", "password": PASSWORD}}}
        answer = httpx.post(address, json=given, trust_env=False, timeout=60).json()
        self._headers = {"Authorization": f"Bearer {answer['data']['tokenCreate']['accessToken']}"}

    def measured(self, pairs: list[tuple[int, int]], clients: int) -> Figures:
        """The figures of so many clients, who order pairs of variants in turns."""
        bodies = [_body(pair) for pair in pairs]
        warm = self._seconds / 4
        return load(
            Job(self._address, self._headers, bodies, '"userErrors":[]', self._pids, clients, self._seconds, warm)
        )


def _body(pair: tuple[int, int]) -> str:
    lines = [{"sku": f"SKU{number}", "quantity": 1} for number in pair]
    return json.dumps({"query": PLACE, "variables": {"input": {"lines": lines}}})


async def measure(url: str, placing: Placing, seconds: float, runs: int) -> None:
    """Fill the shop, take all figures and print them."""
    pool = await asyncpg.create_pool(url, min_size=max(CLIENTS), max_size=max(CLIENTS))
    warehouse = await pool.fetchval("INSERT INTO warehouses (code, name) VALUES ('LON', 'London') RETURNING id")
    goods = [await pool.fetchrow(GOODS, f"SKU{number}", warehouse, STOCK) for number in range(4 * max(CLIENTS))]
    found: dict[tuple[str, str, int], list[Figures]] = {}
    for _ in range(runs):
        for count in CLIENTS:
            for kind in ("distinct", "hot"):
                pairs = [(2 * index, 2 * index + 1) if kind == "distinct" else (0, 0) for index in range(2 * count)]
                least = await by_sql(bare(pool, goods, pairs), count, seconds)
                found.setdefault(("bare SQL", kind, count), []).append(least)
                found.setdefault(("orderPlace", kind, count), []).append(placing.measured(pairs, count))
    await tell(pool, found, seconds, runs)
    await pool.close()


def bare(pool: Any, goods: list[Any], pairs: list[tuple[int, int]]) -> Work:
    """Does the least that an order takes, by SQL."""

    async def work(index: int) -> None:
        async with pool.acquire() as connection, connection.transaction():
            order: UUID = new_id()
            await connection.execute(ORDER, order, f"B-{order}")
            chosen = [goods[number] for number in pairs[index]]
            await connection.executemany(
                LINE, [(order, place, each["variant"]) for place, each in enumerate(chosen, 1)]
            )
            # One statement for each level, in the order of their keys.
            for level in sorted({each["level"] for each in chosen}):
                units = sum(each["level"] == level for each in chosen)
                if await connection.fetchval(TAKE, level, units) is None:
                    raise SystemExit("Sold out.")

    return work


async def by_sql(work: Work, clients: int, seconds: float) -> Figures:
    """Each client sends its next order when the last is answered; the first quarter of the time does not count."""
    took: list[float] = []
    begin = time.perf_counter() + seconds / 4
    end = begin + seconds

    async def client(index: int) -> None:
        while (started := time.perf_counter()) < end:
            await work(index)
            if started >= begin:
                took.append(time.perf_counter() - started)

    await asyncio.gather(*(client(index) for index in range(clients)))
    cuts = statistics.quantiles(took, n=100)
    return {"rate": len(took) / seconds, "p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}


async def tell(pool: Any, found: dict[tuple[str, str, int], list[Figures]], seconds: float, runs: int) -> None:
    fsync = [await pool.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
    cpu = platform.processor() or platform.machine()
    postgres = (await pool.fetchval("SHOW server_version")).split()[0]
    print(f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL {postgres}", end=", ")
    print(", ".join(f"{name} {version(name)}" for name in ("strawberry-graphql", "sqlalchemy", "asyncpg", "uvicorn")))
    # Whatever else ran meanwhile makes the figures worse: the load at the end should be that of the benchmark alone.
    print(f"fsync {fsync[0]}, synchronous_commit {fsync[1]}; load average {os.getloadavg()[0]:.1f}", end="; ")
    print(f"medians of {runs} runs of {seconds:g} s\n")
    print("| variants | clients | orderPlace/s | p50 ms | p99 ms | CPU ms | PostgreSQL | bare SQL/s | p50 ms | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for kind in ("distinct", "hot"):
        for count in CLIENTS:
            ours, least = medians(found["orderPlace", kind, count]), medians(found["bare SQL", kind, count])
            cells = [f"{ours['rate']:.0f}", f"{ours['p50']:.1f}", f"{ours['p99']:.1f}"]
            cells += [f"{ours['cpu server']:.2f}", f"{ours['cpu postgres']:.2f}"]
            cells += [f"{least['rate']:.0f}", f"{least['p50']:.1f}", f"1:{least['rate'] / ours['rate']:.1f}"]
            print(f"| {kind} | {count} | {' | '.join(cells)} |")
    print(f"\nRepeat: PYTHONPATH=. .venv/bin/python bench/orders.py --seconds {seconds:g} --runs {runs}")


def medians(runs: list[Figures]) -> Figures:
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}


if __name__ == "__main__":
    main()
