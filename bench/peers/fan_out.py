"""One event told to many: subscribers of Orderwire, by WebSocket and server-sent events, of Mercurius, of bare uvicorn.

The events of Orderwire are written into the log by another process (events.py), so that the figures hold what a server
does for an event that somebody else has made: to hear of it, read it, execute the selection, ask for the rights of who
watches, and tell it to each. Mercurius is told to publish a whole order, and reads nothing; uvicorn sends the same
bytes. The delay runs from just before the event is committed, or published, to the read of a client (listeners.py), on
one clock.

Steadily: one event after the other, at `--rate`. Poured: `--burst` events at once, the next when all were told.

    PYTHONPATH=. .venv/bin/python bench/peers/fan_out.py
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
from servers import BARE, COMPILED, HERE, MERCURIUS, OURS, PLAIN, Server, running
from shop import Shop, open_shop

WAYS = ((COMPILED, "ws"), (COMPILED, "sse"), (PLAIN, "ws"), (PLAIN, "sse"), (MERCURIUS, "ws"), (BARE, "ws"))
"""What is measured: a server, and how its subscribers listen."""

Tell = Callable[[int], Awaitable[None]]
"""Have a server tell of so many events."""


@dataclass(frozen=True)
class Load:
    """What is asked of the servers."""

    subscribers: int
    rate: float = 50
    """Events a second, when they come steadily."""
    burst: int = 50
    """Events at once, when they are poured."""
    runs: int = 3
    seconds: float = 5.0
    """Of each measurement."""


def main() -> None:
    """Measure what the arguments ask for, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="events a second, when they come steadily")
    parser.add_argument("--burst", type=int, default=50, help="events at once, when they are poured")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument(
        "--only", nargs="*", default=[f"{name}/{way}" for name, way in WAYS], help="such as Orderwire/ws"
    )
    given = parser.parse_args()
    ways = [(name, way) for name, way in WAYS if f"{name}/{way}" in given.only]
    load = Load(given.subscribers, given.rate, given.burst, given.runs, given.seconds)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start.\n")
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place, open_shop(Path(place)) as shop:
        fan_out(shop, ways, load)


def fan_out(shop: Shop, ways: Sequence[tuple[str, str]], load: Load) -> None:
    """Measure the servers in turns, and print Markdown."""
    # Each socket is a file, here and in the processes that inherit the limit.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: dict[tuple[str, str], list[dict[str, float]]] = {way: [] for way in ways}
    for run in range(load.runs):
        for name, way in ways:
            print(f"run {run + 1} of {load.runs}: {name} by {way}", file=sys.stderr, flush=True)
            with shop.copied() as copy, running(name, copy.url, copy.customer) as server:
                found[name, way].append(asyncio.run(_measure(server, way, copy, load)))
    print(
        f"{load.subscribers} subscribers, {load.rate:g} events a second, and {load.burst} at once;"
        f" medians of {load.runs} runs of {load.seconds:g} s.\n"
    )
    heads = ("server", "by", "received", "deliveries/s", "p50 ms", "p99 ms", "CPU of a core", "µs for a delivery")
    heads = (*heads, "poured: deliveries/s", "for a CPU second", "client busy", "MB")
    print(f"| {' | '.join(heads)} |")
    print(f"|---|---|{'---:|' * (len(heads) - 2)}")
    for (name, way), each in found.items():
        told = {figure: statistics.median(run[figure] for run in each) for figure in each[0]}
        print(f"| {name} | {way} | {100 * told['received']:.1f} % | {told['rate']:,.0f} | {told['p50']:.1f}", end=" | ")
        print(f"{told['p99']:.1f} | {100 * told['cpu']:.0f} % | {told['each']:.1f}", end=" | ")
        print(f"{told['poured']:,.0f} | {told['for cpu']:,.0f} | {100 * told['client']:.0f} %", end=" | ")
        print(f"{told['memory']:.0f} |", flush=True)


async def _measure(server: Server, way: str, shop: Shop, load: Load) -> dict[str, float]:
    """Deliveries a second, delays in ms, the share of a core and the µs for each delivery, memory in MB."""
    command = [sys.executable, str(HERE / "listeners.py"), server.url, str(load.subscribers), way]
    async with _telling(server, shop) as tell, _Process.of(command, BENCH_TOKEN=server.token) as clients:
        assert await clients.hear() == "connected"
        # A subscription is confirmed by nothing but an event.
        await tell(1)
        while await clients.ask("heard 1") and (await clients.ask("found"))["missing"]:
            await tell(1)
        await _steadily(tell, load.rate, 1.0, clients)
        # Whoever subscribed early hears more than was waited for: until nothing comes any more.
        await clients.ask(f"heard {10**6}")
        steady = await _timed(server, clients, load, lambda: _steadily(tell, load.rate, load.seconds, clients))
        poured = await _timed(server, clients, load, lambda: _poured(tell, load.burst, load.seconds, clients))
    if poured["received"] != 1:
        raise SystemExit(f"{server.name} lost {100 * (1 - poured['received']):.1f} % of what was poured.")
    return {
        **steady,
        "each": 1_000_000 * steady["cpu"] / steady["rate"],
        "poured": poured["rate"],
        "for cpu": poured["rate"] / poured["cpu"],
        "memory": server.memory,
    }


async def _timed(
    server: Server, clients: "_Process", load: Load, tell: Callable[[], Awaitable[int]]
) -> dict[str, float]:
    await clients.ask("begin")
    used = (await clients.ask("found"))["cpu"]
    started, before = time.perf_counter(), _cpu(server)
    events = await tell()
    took, spent = time.perf_counter() - started, _cpu(server) - before
    found = await clients.ask("found")
    return {
        "received": found["received"] / (events * load.subscribers),
        "rate": found["received"] / took,
        "p50": found["p50"],
        "p99": found["p99"],
        "cpu": spent / took,
        "client": (found["cpu"] - used) / took,
    }


async def _steadily(tell: Tell, rate: float, seconds: float, clients: "_Process") -> int:
    """Tell at a rate, whether or not the earlier ones have arrived; how many there were."""
    loop = asyncio.get_running_loop()
    count = int(seconds * rate)
    # They read from the first on.
    heard = asyncio.create_task(clients.ask(f"heard {count}"))
    started, tasks = loop.time(), list[asyncio.Future[None]]()
    for number in range(count):
        await asyncio.sleep(started + number / rate - loop.time())
        tasks.append(asyncio.ensure_future(tell(1)))
    await asyncio.gather(heard, *tasks)
    return count


async def _poured(tell: Tell, burst: int, seconds: float, clients: "_Process") -> int:
    """Tell as many at once as there may be, again and again; how many there were."""
    until, told = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        told += burst
        heard = asyncio.create_task(clients.ask(f"heard {told}"))
        await tell(burst)
        await heard
    return told


def _cpu(server: Server) -> float:
    """Seconds of CPU that all processes of a server took."""
    family = (server.process, *server.process.children(recursive=True))
    return sum(sum(each.cpu_times()[:2]) for each in family)


@asynccontextmanager
async def _telling(server: Server, shop: Shop) -> AsyncGenerator[Tell]:
    """What makes a server tell of events."""
    if server.name in OURS:
        async with _Process.of([sys.executable, str(HERE / "events.py"), shop.url]) as writer:
            assert await writer.hear() == "ready"

            async def write(count: int) -> None:
                assert await writer.ask(str(count)) == "written"

            yield write
        return
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:

        async def post(count: int) -> None:
            answer = await client.post(
                server.url.replace("/graphql", "/tell"), content=str(count), headers={"Content-Type": "text/plain"}
            )
            answer.raise_for_status()

        yield post


class _Process:
    """A process beside, which answers lines by lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def of(cls, command: Sequence[str], **environment: str) -> AsyncGenerator[Self]:
        pipe = subprocess.PIPE
        env = {**os.environ, **environment}
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=env)
        try:
            yield cls(process)
        finally:
            process.kill()
            await process.communicate()

    async def hear(self) -> Any:
        """What it says next."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("A process has failed; the reason stands above.")
        return json.loads(line)

    async def ask(self, word: str) -> Any:
        """Give an order, and hear the answer."""
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(f"{word}\n".encode())
            return await self.hear()


if __name__ == "__main__":
    main()
