"""What executing an operation costs: compiled and by graphql-core, in one run, on the same rows.

CPU time of this process for three operations on the demo shop. "Alone": readers answer with what they answered before,
so that only execution and loaders count. "With rows": with the statements that read objects. "As JSON": to the bytes
that go out, where compiled execution has the database write (db/sheets.py). "Served": the CPU time that the process of
`orderwire serve` takes for a request over HTTP, one server for each way to execute; "Nothing" asks for `__typename`
alone, and is what a request takes by itself. "Hooks" is compiled execution with the library's hooks and all middleware
around it, as it was before there was a direct way (graph/direct.py, app/graphql/shortcut.py).

The ways take turns (ABAB) and the figures are medians; the answers are compared first.

    PYTHONPATH=. .venv/bin/python bench/execution.py --runs 7
"""

import argparse
import cProfile
import gc
import os
import platform
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import uvloop
from sqlalchemy import text

from app.settings import Settings
from app.wiring import running
from db import migrate
from db.demo import seed_demo
from db.embedded import database_url, embedded_server
from db.engine import Database
from domain.actor import Actor, Origin
from graph.context import Context, Services
from graph.node import global_id
from graph.readers import Readers
from graph.schema import build_schema
from graph.writing import encoded

ROOT = Path(__file__).parents[1]
PASSWORD = "bench-password-1"
WAYS = ("graphql-core", "compiled")
REQUESTS = {"graphql-core": 4, "compiled": 20}
"""How many executions are timed together: each takes long enough for the clock."""

AS_JSON = "as JSON"
HOOKS = "hooks"
SERVED = {"graphql-core": 10, HOOKS: 40, "compiled": 40}
"""The same of a server, whose clock ticks a hundred times a second: so many requests for a page, and of what is small
ten times as many."""
SMALL = {"Nothing", "OrderPoint"}

SERVE = "from app.__main__ import main; main()"
SERVE_BY_HOOKS = f"""
import app.main

def build(build=app.main.build_schema, **given):
    schema = build(**given)
    schema.direct = None
    return schema

app.main.build_schema = build
{SERVE}
"""

ORDERS_PAGE = """
query OrdersPage($first: Int!) {
  orders(first: $first, filter: {status: {in: null}}, orderBy: {field: PLACED_AT, direction: DESC}) {
    edges {
      cursor
      node {
        id number status placedAt
        total { amount currencyCode }
        customer { id name email }
        lines {
          position quantity
          unitPrice { amount }
          variant { id sku name price { amount } stockLevels { onHand reserved available warehouse { code } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PRODUCTS_FLAT = """
query ProductsFlat($first: Int!) {
  products(first: $first) {
    nodes { id name description createdAt updatedAt variants { id sku price { amount currencyCode } } }
  }
}
"""
ORDER_POINT = """
query OrderPoint($id: ID!) {
  order(id: $id) { id number status placedAt total { amount currencyCode } customer { id name } }
}
"""
SIGN_IN = 'mutation ($p: String!) { tokenCreate(input: {username: "admin", password: $p}) { accessToken } }'

Operations = Mapping[str, tuple[str, dict[str, Any]]]
Work = Callable[[], Awaitable[Any]]


class Remembering:
    """A reader that reads once what it is asked, and answers with it from then on."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._known: dict[tuple[str, str], Any] = {}

    def __getattr__(self, name: str) -> Any:
        read = getattr(self._reader, name)

        async def remembered(viewer: Actor, *given: Any) -> Any:
            # A list of keys is told by its length: the same operation asks for the same.
            key = (name, repr([len(each) if isinstance(each, list) else each for each in given]))
            if key not in self._known:
                self._known[key] = await read(viewer, *given)
            return self._known[key]

        return remembered


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--profile", action="store_true", help="where the compiled OrdersPage spends its time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place:
        data_dir = Path(place)
        with embedded_server(data_dir / "postgres") as server:
            url = database_url(server)
            uvloop.run(measure(url, data_dir, given.runs, is_profiled=given.profile))


async def measure(url: str, data_dir: Path, runs: int, *, is_profiled: bool) -> None:
    """Take all figures and print them."""
    database = Database(url, 2)
    await migrate.upgrade(database)
    await seed_demo(database, datetime.now(UTC), "no password")
    [(newest,)] = await database.read(text("SELECT id FROM orders ORDER BY placed_at DESC, id DESC LIMIT 1"))
    await database.close()
    operations: Operations = {
        "OrdersPage": (ORDERS_PAGE, {"first": 50}),
        "ProductsFlat": (PRODUCTS_FLAT, {"first": 100}),
        "OrderPoint": (ORDER_POINT, {"id": global_id("Order", newest)}),
    }
    settings = Settings(database_url=url, broadcast_url="memory://", data_dir=data_dir, expose_statements=False)
    async with running(settings) as process:
        readers = process.services.readers
        known = Readers(**{each.name: Remembering(getattr(readers, each.name)) for each in fields(readers)})
        alone = replace(process.services, readers=known)
        schemas = {"graphql-core": build_schema(is_compiled=False), "compiled": build_schema()}

        def work(way: str, services: Services, name: str, *, takes_json: bool = False) -> Work:
            query, variables = operations[name]
            origin = Origin("bench", "127.0.0.1")

            async def execute() -> Any:
                context = Context(services, Actor.system(), origin, takes_json=takes_json)
                result = await schemas[way].execute(query, variables, context_value=context)
                return encoded(result.data) if takes_json else result

            return execute

        if is_profiled:
            await profile(work("compiled", alone, "OrdersPage"))
            return
        await must_be_equal(work, process.services, operations)
        found: dict[tuple[str, str, str], float] = {}
        kinds = (("alone", alone, False), ("with rows", process.services, False), (AS_JSON, process.services, True))
        for kind, services, takes_json in kinds:
            for name in operations:
                both = {way: work(way, services, name, takes_json=takes_json) for way in WAYS}
                found |= {(name, kind, way): each for way, each in (await compare(both, runs, here)).items()}
    for name, each in (await served(url, {"Nothing": ("{ __typename }", {}), **operations})).items():
        found |= {(name, "served", way): cpu for way, cpu in each.items()}
    tell(found, operations, runs)


async def must_be_equal(work: Callable[..., Work], services: Services, operations: Operations) -> None:
    for name in operations:
        core, compiled = [await work(way, services, name)() for way in WAYS]
        told = orjson.dumps(core.data)
        written = await work("compiled", services, name, takes_json=True)()
        if core.errors or compiled.errors or not told == orjson.dumps(compiled.data) == written:
            raise SystemExit(f"{name}: the answers differ.")
        print(f"{name}: {len(orjson.dumps(core.data)):,} bytes")


def here() -> float:
    """The CPU seconds of this process."""
    return time.process_time()


async def compare(both: Mapping[str, Work], runs: int, clock: Callable[[], float]) -> dict[str, float]:
    """The CPU milliseconds of one execution in each way: the medians of runs that take turns."""
    took: dict[str, list[float]] = {way: [] for way in both}
    gc.collect()
    gc.freeze()
    for _ in range(runs):
        for way, work in both.items():
            await work()
            started = clock()
            for _ in range(REQUESTS[way]):
                await work()
            took[way].append(1000 * (clock() - started) / REQUESTS[way])
    return {way: statistics.median(each) for way, each in took.items()}


async def served(url: str, operations: Operations) -> dict[str, dict[str, float]]:
    """The CPU milliseconds of a server's process for one request, by operation and way; the servers take turns."""
    found: dict[str, dict[str, float]] = {}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        with ExitStack() as stack:
            servers = {way: stack.enter_context(serving(url, way)) for way in SERVED}
            headers = {way: await signed_in(client, address) for way, (_, address) in servers.items()}
            for name, (query, variables) in operations.items():
                took: dict[str, list[float]] = {way: [] for way in SERVED}
                for _ in range(5):
                    for way, requests in SERVED.items():
                        process, address = servers[way]
                        many = requests * (10 if name in SMALL else 1)
                        body = {"query": query, "variables": variables}
                        started = cpu(process)
                        for _ in range(many):
                            (await client.post(address, json=body, headers=headers[way])).raise_for_status()
                        took[way].append(1000 * (cpu(process) - started) / many)
                # The first warms up.
                found[name] = {way: statistics.median(each[1:]) for way, each in took.items()}
    return found


async def signed_in(client: httpx.AsyncClient, address: str) -> dict[str, str]:
    """The headers of the admin."""
    body = {"query": SIGN_IN, "variables": {"p": PASSWORD}}
    answer = (await client.post(address, json=body)).json()
    return {"Authorization": f"Bearer {answer['data']['tokenCreate']['accessToken']}"}


def cpu(process: psutil.Process) -> float:
    """The CPU seconds of a process."""
    times = process.cpu_times()
    return times.user + times.system


@contextmanager
def serving(url: str, way: str) -> Generator[tuple[psutil.Process, str]]:
    """The process and the address of `orderwire serve` on a database, executing in a way."""
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as directory:
        told = Path(directory) / "told.txt"
        settings = {"DATA_DIR": directory, "DATABASE_URL": url, "PORT": "0", "ADMIN_PASSWORD": PASSWORD}
        execution = "compiled" if way == HOOKS else way
        settings |= {"ENVIRONMENT": "production", "LOG_LEVEL": "warning", "EXECUTION": execution, "BUDGET": "0"}
        env = {"PATH": os.environ["PATH"], "HOME": directory, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        env |= {f"ORDERWIRE_{name}": value for name, value in settings.items()}
        command = [sys.executable, "-c", SERVE_BY_HOOKS if way == HOOKS else SERVE, "serve"]
        with told.open("w") as out:
            server = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=directory)
        try:
            while "Stop it" not in told.read_text():
                if server.poll() is not None:
                    raise SystemExit(told.read_text())
                time.sleep(0.05)
            words = told.read_text().split()
            yield psutil.Process(server.pid), next(each for each in words if each.endswith("/graphql"))
        finally:
            server.terminate()
            server.wait()


async def profile(work: Work) -> None:
    """Where the time goes, by function."""
    for _ in range(5):
        await work()
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(100):
        await work()
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def tell(found: Mapping[tuple[str, str, str], float], operations: Operations, runs: int) -> None:
    names = ("graphql-core", "strawberry-graphql", "sqlalchemy", "asyncpg", "uvicorn")
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print(", ".join(f"{name} {version(name)}" for name in names))
    # Whatever else ran meanwhile makes the figures worse, though less the ratio.
    print(f"load average {os.getloadavg()[0]:.1f}; medians of {runs} runs, CPU ms for one execution\n")
    print("| operation | measured | graphql-core | hooks | compiled | ratio |")
    print("|---|---|---:|---:|---:|---:|")
    for name in ("Nothing", *operations):
        for kind in ("alone", "with rows", AS_JSON, "served"):
            core, hooks, compiled = (found.get((name, kind, way)) for way in SERVED)
            if core and compiled:
                between = f"{hooks:.2f}" if hooks else ""
                print(f"| {name} | {kind} | {core:.2f} | {between} | {compiled:.2f} | {core / compiled:.1f} |")


if __name__ == "__main__":
    main()
