"""Orderwire beside Mercurius and PostGraphile, and beside itself by graphql-core: same database, same answers.

One process for each server, PostgreSQL embedded and reached by its own socket, and the clients of wrk, all on this
machine. The servers take turns, `--runs` times (ABAB), each turn on a fresh copy of the same database;
figures are medians of the runs. CPU is that of all processes of the server, and of PostgreSQL, within the time that
counts, divided by the requests answered in it. Answers are compared before anything is measured. The peers check no
token, no rights and no limits, and keep no log and no ledger.

    PYTHONPATH=. .venv/bin/python bench/peers/run.py
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from fan_out import WAYS, Load, fan_out
from load import Job, load, wrk_version
from operations import Operation, alike, of_orderwire, of_tables
from servers import COMPILED, CORE, MERCURIUS, POSTGRAPHILE, SERVERS, Server, peer_versions, running
from shop import Shop, open_shop

CONNECTIONS = 16
NAMED = ("graphql-core", "strawberry-graphql", "sqlalchemy", "asyncpg", "uvicorn", "uvloop")
OPERATIONS = ("OrdersPage", "OrderPoint", "ProductsFlat", "orderPlace")

Found = dict[tuple[str, str], list[dict[str, float]]]
"""What each run found, by operation and server."""


def main() -> None:
    """Measure what the arguments ask for, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="that count, of each measurement; more where it is slow"
    )
    parser.add_argument("--warm", type=float, default=3.0, help="seconds before, which do not")
    parser.add_argument("--subscribers", type=int, default=500, help="0 leaves the fan-out away")
    given = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place, open_shop(Path(place)) as shop:
        found, memory = measure(shop, given.runs, given.seconds, given.warm)
        print_setting(shop.postgres_version, load_before)
        print_requests(found, memory, given.runs, given.seconds)
        if given.subscribers:
            fan_out(shop, WAYS, Load(given.subscribers, runs=given.runs, seconds=given.seconds))


def measure(shop: Shop, runs: int, seconds: float, warm: float) -> tuple[Found, dict[str, list[float]]]:
    """Load every server with every operation, in turns; also the memory of each server afterwards, in MB."""
    found: Found = {}
    memory: dict[str, list[float]] = {}
    answers: dict[str, Any] = {}
    for run in range(runs):
        for name in SERVERS:
            with shop.copied() as copy, running(name, copy.url, copy.customer) as server:
                asked = operations(server, copy)
                if run == 0:
                    compare(server, asked, answers)
                for operation in asked:
                    note(f"run {run + 1} of {runs}: {name}, {operation.name}")
                    job = job_of(server, operation, shop.postgres, seconds, warm)
                    found.setdefault((operation.name, name), []).append(load(job))
                memory.setdefault(name, []).append(server.memory)
    return found, memory


def operations(server: Server, shop: Shop) -> list[Operation]:
    """The operations as a server takes them."""
    if server.name == POSTGRAPHILE:
        return of_tables(shop.orders, shop.customer, shop.pairs)
    return of_orderwire(shop.orders if server.name == MERCURIUS else shop.global_orders, shop.pairs)


def compare(server: Server, asked: Iterable[Operation], answers: dict[str, Any]) -> None:
    """Hold the answers of a server against those of the first."""
    for operation in asked:
        answer = httpx.post(
            server.url,
            content=operation.bodies[0],
            headers={"Content-Type": "application/json", "Accept": "application/json", **server.headers},
            trust_env=False,
            timeout=60,
        ).json()
        if answer.get("errors"):
            raise SystemExit(f"{server.name}, {operation.name}: {answer['errors'][0]}")
        told = alike(answer["data"])
        if answers.setdefault(operation.name, told) != told:
            raise SystemExit(f"{server.name} answers {operation.name} differently:\n{told}\n{answers[operation.name]}")


def job_of(server: Server, operation: Operation, postgres: int, seconds: float, warm: float) -> Job:
    """An operation, as the clients send it."""
    return Job(
        server.url,
        server.headers,
        operation.bodies,
        operation.expected,
        {"server": server.process.pid, "postgres": postgres},
        CONNECTIONS,
        seconds,
        warm,
    )


def note(what: str) -> None:
    """Tell how far it is, beside the results."""
    print(what, file=sys.stderr, flush=True)


def print_setting(postgres_version: str, load_before: float) -> None:
    """Where and with what it was measured."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores", end=", ")
    print(f"{datetime.now(UTC):%-d %B %Y}; load average {load_before:.1f} at the start.")
    print(f"Python {platform.python_version()}, PostgreSQL {postgres_version}", end=", ")
    print(", ".join(f"{name} {version(name)}" for name in NAMED), end=", ")
    print(", ".join(f"{name} {found}" for name, found in peer_versions().items()), end=", ")
    print(f"wrk {wrk_version()}.\n")


def print_requests(found: Found, memory: dict[str, list[float]], runs: int, seconds: float) -> None:
    """The table of requests, the ratios to our own figures, and memory."""
    print(f"{CONNECTIONS} connections, medians of {runs} runs of {seconds:g} s. CPU in ms for one request.\n")
    columns = "operation", "server", "bytes with head", "requests/s", "p50 ms", "p99 ms", "CPU server", "CPU PostgreSQL"
    print(f"| {' | '.join(columns)} | client busy |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for operation in OPERATIONS:
        for name in SERVERS:
            each = median(found[operation, name])
            print(f"| {operation} | {name} | {each['bytes']:,.0f} | {each['rate']:,.0f} | {each['p50']:.1f}", end=" | ")
            print(f"{each['p99']:.1f} | {each['cpu server']:.2f} | {each['cpu postgres']:.2f}", end=" | ")
            print(f"{100 * each['client']:.0f} % |")
    print("\nTimes as many requests a second as the others; in brackets, for each CPU second of the server.\n")
    print(f"| operation | {MERCURIUS} | {POSTGRAPHILE} | {CORE} |")
    print("|---|---:|---:|---:|")
    for operation in OPERATIONS:
        ours = median(found[operation, COMPILED])
        cells = []
        for name in (MERCURIUS, POSTGRAPHILE, CORE):
            theirs = median(found[operation, name])
            cells.append(f"{ours['rate'] / theirs['rate']:.2f} ({theirs['cpu server'] / ours['cpu server']:.2f})")
        print(f"| {operation} | {' | '.join(cells)} |")
    told = ", ".join(f"{name} {statistics.median(memory[name]):.0f} MB" for name in SERVERS)
    print(f"\nMemory after all four: {told}.\n", flush=True)


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


if __name__ == "__main__":
    main()
