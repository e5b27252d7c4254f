"""What the thresholds of the garbage collector cost and save: CPU, delays and memory of a server under load.

The server freezes what there is after its start, whatever the thresholds. 16 clients ask for a page of 50 orders, each
as soon as it has its answer, of servers that take turns; with graphql-core, too, which leaves much cyclic garbage.

    PYTHONPATH=. .venv/bin/python bench/collector.py --seconds 5 --runs 3
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import execution
import httpx
import psutil
import uvloop
from execution import ORDERS_PAGE, SERVE, cpu, serving, signed_in

from db import migrate
from db.demo import seed_demo
from db.embedded import database_url, embedded_server
from db.engine import Database

CLIENTS = 16
THRESHOLDS = ((700, 10, 10), (10_000, 10, 10), (50_000, 20, 10))
SERVE_WITH = """
import gc

gc.set_threshold{thresholds}
"""


async def load(client: httpx.AsyncClient, address: str, headers: dict[str, str], seconds: float) -> list[float]:
    """The milliseconds that each request of all clients took."""
    took: list[float] = []
    ends = time.monotonic() + seconds

    async def ask() -> None:
        while (began := time.monotonic()) < ends:
            body = {"query": ORDERS_PAGE, "variables": {"first": 50}}
            (await client.post(address, json=body, headers=headers)).raise_for_status()
            took.append(1000 * (time.monotonic() - began))

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return took


async def measure(url: str, way: str, seconds: float, runs: int) -> None:
    """Print a row for each set of thresholds."""
    found: dict[tuple[int, ...], list[tuple[float, list[float]]]] = {each: [] for each in THRESHOLDS}
    with ExitStack() as stack:
        servers: dict[tuple[int, ...], tuple[psutil.Process, str]] = {}
        for thresholds in THRESHOLDS:
            execution.SERVE = SERVE_WITH.format(thresholds=thresholds) + SERVE
            servers[thresholds] = stack.enter_context(serving(url, way))
        async with httpx.AsyncClient(
            trust_env=False, timeout=60, limits=httpx.Limits(max_connections=CLIENTS)
        ) as client:
            headers = {each: await signed_in(client, address) for each, (_, address) in servers.items()}
            for run in range(runs + 1):
                for thresholds, (process, address) in servers.items():
                    began = cpu(process)
                    took = await load(client, address, headers[thresholds], seconds)
                    if run:
                        # The first warms up.
                        found[thresholds].append((1000 * (cpu(process) - began) / len(took), took))
        for thresholds, (process, _) in servers.items():
            costs, took = zip(*found[thresholds], strict=True)
            p50, p99 = (statistics.median(statistics.quantiles(each, n=100)[at] for each in took) for at in (49, 98))
            memory = process.memory_info().rss / 1e6
            print(f"| {way} | {thresholds} | {statistics.median(costs):.2f} | {p50:.0f} | {p99:.0f} | {memory:.0f} |")


async def prepare(url: str) -> None:
    database = Database(url, 2)
    await migrate.upgrade(database)
    await seed_demo(database, datetime.now(UTC), "no password")
    await database.close()


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}\n")
    print("| execution | thresholds | CPU ms | p50 ms | p99 ms | MB |\n|---|---|---:|---:|---:|---:|")
    with (
        tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place,
        embedded_server(Path(place) / "postgres") as server,
    ):
        url = database_url(server)
        uvloop.run(prepare(url))
        for way in ("compiled", "graphql-core"):
            uvloop.run(measure(url, way, given.seconds, given.runs))


if __name__ == "__main__":
    main()
