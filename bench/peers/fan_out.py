"""One event told to many: subscribers over WebSocket of Orderwire and of Mercurius, while orders are placed steadily.

The clients are those of bench/stream.py. Placing orders costs CPU too, and more where more is promised; so the
same orders are placed without subscribers first, and a delivery costs what an event costs more with them.
"""

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from load import Clock
from operations import of_orderwire
from servers import ROOT, Server, running
from shop import Shop

RATE = 50
"""Orders a second."""


def fan_out(shop: Shop, names: Sequence[str], subscribers: int, runs: int, seconds: float) -> None:
    """Measure the servers in turns, and print Markdown."""
    # Each socket is a file, here and in the processes that inherit the limit.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for run in range(runs):
        for name in names:
            print(f"run {run + 1} of {runs}: {name}, {subscribers} subscribers", file=sys.stderr, flush=True)
            with shop.copied() as copy, running(name, copy.url, copy.customer) as server:
                found[name].append(asyncio.run(_measure(server, shop, subscribers, seconds)))
    print(f"{RATE} orders a second told to {subscribers} subscribers; medians of {runs} runs of {seconds:g} s.\n")
    heads = ("server", "received", "deliveries/s", "p50 ms", "p99 ms", "CPU of a core", "CPU µs for a delivery", "MB")
    print(f"| {' | '.join(heads)} |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, each in found.items():
        told = {figure: statistics.median(run[figure] for run in each) for figure in each[0]}
        print(f"| {name} | {100 * told['received']:.1f} % | {told['rate']:,.0f} | {told['p50']:.1f}", end=" | ")
        print(
            f"{told['p99']:.1f} | {100 * told['cpu']:.0f} % | {told['each']:.1f} | {told['memory']:.0f} |", flush=True
        )


async def _measure(server: Server, shop: Shop, subscribers: int, seconds: float) -> dict[str, float]:
    """Deliveries a second, delays in ms, the share of a core and the µs for each delivery, memory in MB."""
    clock = Clock({"server": server.process.pid})
    bodies = of_orderwire(shop.order, shop.pairs)[-1].bodies
    headers = {"Content-Type": "application/json", "Accept": "application/json", **server.headers}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:
        await _place(client, server.url, bodies, 1.0)
        before = clock.read()["server"]
        alone = await _place(client, server.url, bodies, seconds)
        for_event = (clock.read()["server"] - before) / alone
        with _clients(server, subscribers) as tell:
            assert await tell("") == "connected"
            # A subscription is confirmed by nothing but an event.
            await _place(client, server.url, bodies, 0.2)
            while (await tell("heard 1"))["missing"]:
                await _place(client, server.url, bodies, 0.1)
            # Whoever subscribed early hears more than was waited for: until nothing comes any more.
            await tell(f"heard {10**6}")
            await tell("begin")
            loop = asyncio.get_running_loop()
            started, before = loop.time(), clock.read()["server"]
            events = await _place(client, server.url, bodies, seconds)
            heard = await tell(f"heard {events}")
            took, spent = loop.time() - started, clock.read()["server"] - before
            memory = server.memory
    return {
        "received": heard["received"] / (events * subscribers),
        "rate": heard["received"] / took,
        "p50": heard["p50"],
        "p99": heard["p99"],
        "cpu": spent / took,
        "each": 1_000_000 * (spent / events - for_event) / subscribers,
        "memory": memory,
    }


async def _place(client: httpx.AsyncClient, url: str, bodies: Sequence[str], seconds: float) -> int:
    """Place orders at the rate, whether or not the earlier ones have been answered; how many there were."""
    loop = asyncio.get_running_loop()
    started, tasks = loop.time(), list[asyncio.Task[None]]()

    async def place(body: str) -> None:
        answer = (await client.post(url, content=body)).json()
        if answer.get("errors") or answer["data"]["orderPlace"]["userErrors"]:
            raise SystemExit(str(answer))

    for number in range(max(1, int(seconds * RATE))):
        await asyncio.sleep(started + number / RATE - loop.time())
        tasks.append(asyncio.create_task(place(bodies[number % len(bodies)])))
    await asyncio.gather(*tasks)
    return len(tasks)


@contextmanager
def _clients(server: Server, subscribers: int) -> Generator[Any]:
    """The process of the subscribers; yields what tells it a line and waits for its answer."""
    command = [sys.executable, str(ROOT / "bench/stream_clients.py"), server.url, str(subscribers)]
    env = {**os.environ, "BENCH_TOKEN": server.token}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:

        def exchange(line: str) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            if line:
                process.stdin.write(line + "\n")
                process.stdin.flush()
            return json.loads(process.stdout.readline())

        async def tell(line: str) -> Any:
            return await asyncio.to_thread(exchange, line)

        try:
            yield tell
        finally:
            process.terminate()
