"""How long `orderwire serve` takes to be ready, and what its process holds after an hour's worth of mixed requests.

The start: from the exec of the command to the first 200 of `/ready`, on a data directory that holds the demo shop; the
embedded PostgreSQL starts within it. The baseline: the same Python imports uvicorn and serves one route.

The memory: the resident set of the process, whose PostgreSQL is another, while `--clients` connections ask for a mix of
queries, reports and mutations, and sign in, and `--listeners` watch orders. By default `--requests` are those of an
hour at ten a second.

    PYTHONPATH=. .venv/bin/python bench/start.py
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import uvloop
from sign_ins import NEWEST, PASSWORD, POINT, ROOT, SIGN_IN, Line

SERVE = "import sys; sys.argv[1:] = ['serve']; from app.__main__ import main; main()"
BARE = """
import uvicorn, sys
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", log_level="error")
"""
STEPS = 6
"""How often the memory is looked at."""

ORDERS = """{
  orders(first: 20, orderBy: {field: PLACED_AT, direction: DESC}) {
    nodes {
      id number status total { amount } customer { name }
      lines { quantity variant { sku stockLevels { onHand } } }
    }
    totalCount
  }
}"""
PRODUCTS = "{ products(first: 50) { nodes { id name variants { sku price { amount } } } } }"
SALES = """{
  reports { sales(from: "2026-09-01", to: "2026-11-21", interval: WEEK, timeZone: "Europe/London") { rows { orders } } }
}"""
PLACE = """mutation ($sku: String!) {
  orderPlace(input: {lines: [{sku: $sku, quantity: 1}]}) { order { id } userErrors { code } }
}"""
GOODS = "{ stockLevels(first: 100) { nodes { available variant { sku kind } } } }"
WATCH = "subscription { orderStatusChanged { cursor order { number } } }"


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--requests", type=int, default=36_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--listeners", type=int, default=20)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start.\n")
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place:
        with _serving(place):
            pass
        _starts(place, given.runs)
        if given.requests:
            with _serving(place) as (process, port, _):
                uvloop.run(_load(process, port, given.requests, given.clients, given.listeners))


def _starts(place: str, runs: int) -> None:
    ours, bare = list[float](), list[float]()
    for _ in range(runs):
        with _started([sys.executable, "-c", BARE], place) as (_, _, seconds):
            bare.append(seconds)
        with _serving(place) as (process, _, seconds):
            ours.append(seconds)
            memory = process.memory_info().rss
    print("| | ready after, s: median | fastest | slowest |\n|---|---:|---:|---:|")
    for name, each in (("`orderwire serve`", ours), ("bare uvicorn", bare)):
        print(f"| {name} | {statistics.median(each):.2f} | {min(each):.2f} | {max(each):.2f} |")
    print(f"\n{memory / 1_000_000:.0f} MB then.\n", flush=True)


@contextmanager
def _serving(place: str) -> Generator[tuple[psutil.Process, int, float]]:
    with _started([sys.executable, "-c", SERVE], place) as started:
        yield started


@contextmanager
def _started(command: Sequence[str], place: str) -> Generator[tuple[psutil.Process, int, float]]:
    """A server's process, its port, and the seconds until it answered with 200."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    settings = {"DATA_DIR": place, "PORT": port, "ADMIN_PASSWORD": PASSWORD, "LOG_LEVEL": "error", "SEED": True}
    # All of the load is one caller's.
    settings |= {"ENVIRONMENT": "production", "BUDGET": 1_000_000_000, "BUDGET_REFILL": 100_000_000}
    env = {"PATH": os.environ["PATH"], "HOME": place, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    env |= {f"ORDERWIRE_{name}": str(value) for name, value in settings.items()}
    began = time.perf_counter()
    with (Path(place) / "told.txt").open("w") as out:
        server = subprocess.Popen([*command, str(port)], env=env, cwd=place, stdout=out)
    try:
        while not _is_ready(port):
            if server.poll() is not None:
                raise SystemExit("The server has failed; the reason stands above.")
            time.sleep(0.005)
        yield psutil.Process(server.pid), port, time.perf_counter() - began
    finally:
        server.terminate()
        server.wait()


def _is_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(b"GET /ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return line.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _mix(orders: Sequence[str], skus: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is asked for, by fixed dice."""
    dice = random.Random(7)
    kinds = ("point", ORDERS, PRODUCTS, "place", SALES, "sign in", "new")
    while True:
        match kind := dice.choices(kinds, (50, 20, 10, 10, 3, 1, 6))[0]:
            case "point":
                yield POINT, {"id": dice.choice(orders)}
            case "place":
                yield PLACE, {"sku": dice.choice(skus)}
            case "sign in":
                yield SIGN_IN, {"username": "admin", "password": PASSWORD}
            case "new":
                # Of clients that write their values into the document, which the server has never seen.
                yield f"{{ orders(first: 5) {{ nodes {{ x{dice.randint(1, 10**9)}: number }} }} }}", {}
            case _:
                yield kind, {}


async def _load(process: psutil.Process, port: int, requests: int, clients: int, listeners: int) -> None:
    address = f"http://127.0.0.1:{port}/graphql"
    first = await Line.to(address)
    signed_in = await first.get(SIGN_IN, {}, username="admin", password=PASSWORD)
    headers = {"Authorization": f"Bearer {signed_in['tokenCreate']['accessToken']}"}
    orders = [each["id"] for each in (await first.get(NEWEST, headers))["orders"]["nodes"]]
    levels = (await first.get(GOODS, headers))["stockLevels"]["nodes"]
    mix = _mix(orders, sorted({each["variant"]["sku"] for each in levels}))
    watching = [asyncio.create_task(_watch(address, headers)) for _ in range(listeners)]
    print(f"{listeners} listen, {clients} ask.\n\n| requests | MB |\n|---:|---:|\n| 0 | {_megabytes(process)} |")
    began = time.perf_counter()
    for step in range(1, STEPS + 1):
        # Others than before: who waits for the slowest is let go meanwhile.
        lines = [await Line.to(address) for _ in range(clients)]
        asked = islice(mix, requests // STEPS)
        await asyncio.gather(*(_ask(line, headers, asked) for line in lines))
        print(f"| {step * (requests // STEPS):,} | {_megabytes(process)} |", flush=True)
    took = time.perf_counter() - began
    await asyncio.sleep(5)
    print(f"\n{_megabytes(process)} MB five seconds later; {requests / took:,.0f} requests a second.")
    for each in watching:
        each.cancel()


async def _ask(line: Line, headers: dict[str, str], asked: Iterator[tuple[str, dict[str, Any]]]) -> None:
    for query, variables in asked:
        await line.get(query, headers, **variables)


async def _watch(address: str, headers: dict[str, str]) -> None:
    """Listen, and take whatever comes."""
    parts, body = urlsplit(address), json.dumps({"query": WATCH})
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    given = {**headers, "Content-Type": "application/json", "Accept": "text/event-stream", "Content-Length": len(body)}
    lines = ["POST /graphql HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in given.items())]
    writer.write("\r\n".join([*lines, "", body]).encode())
    while await reader.read(65_536):
        pass


def _megabytes(process: psutil.Process) -> int:
    return round(process.memory_info().rss / 1_000_000)


if __name__ == "__main__":
    main()
