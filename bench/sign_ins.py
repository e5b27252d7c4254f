"""How much longer a point query takes while sign-ins flood in.

A real `orderwire serve` with its embedded PostgreSQL and the demo shop. One client asks for one order after the other,
`--every` so many milliseconds; the flood, a process of its own, sends `--rate` sign-ins a second, whether or not the
earlier ones have been answered: quietly none, all at one account from one address, or each at another unknown account
from another address (`X-Forwarded-For`, which the server believes of a proxy on the loopback).

The baseline is the same query on the same server in the same run, while it is quiet. "idle flood" sends as many
requests of another kind, `{ __typename }`: what they cost, as 200 a second of anything do, is not the passwords'.

    PYTHONPATH=. .venv/bin/python bench/sign_ins.py --seconds 5 --runs 3
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import uvloop

ROOT = Path(__file__).parents[1]
PASSWORD = "a-password-for-the-bench"
LINES = 64
"""Connections of the flood; a request that finds none free waits, and is late."""

POINT = (
    "query OrderPoint($id: ID!) { order(id: $id) { id number status placedAt total { amount currencyCode }"
    " customer { id name } } }"
)
NEWEST = "{ orders(first: 100) { nodes { id } } }"
SIGN_IN = """mutation ($username: String!, $password: String!) {
  tokenCreate(input: {username: $username, password: $password}) { accessToken userErrors { code } }
}"""

Asking = Callable[[int], tuple[bytes, dict[str, str]]]
"""The body and the headers of a request by its number."""


def main() -> None:
    """Measure each flood in turn, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=200, help="sign-ins a second")
    parser.add_argument("--every", type=float, default=10, help="milliseconds between two point queries")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place, serving(Path(place)) as address:
        uvloop.run(measure(address, given.seconds, given.runs, given.rate, given.every))


@contextmanager
def serving(data_dir: Path) -> Generator[str]:
    """The address of `orderwire serve` on the demo shop, with the settings of whoever runs this."""
    own = {name: value for name, value in os.environ.items() if name.startswith("ORDERWIRE_")}
    settings = {"DATA_DIR": data_dir, "PORT": 0, "ADMIN_PASSWORD": PASSWORD, "LOG_LEVEL": "error"}
    env = {"PATH": os.environ["PATH"], "HOME": str(data_dir), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **own}
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
        yield next(word for word in told.read_text().split() if word.startswith("http") and word.endswith("/graphql"))
    finally:
        process.terminate()
        process.wait()


class Line:
    """One connection that is kept, with the least of HTTP: a client that costs little hides little."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, address: str) -> Self:
        parts = urlsplit(address)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def ask(self, body: bytes, headers: dict[str, str]) -> Any:
        lines = ["POST /graphql HTTP/1.1", "Host: bench", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        return orjson.loads(await self._reader.readexactly(length))

    async def get(self, query: str, headers: dict[str, str], **variables: Any) -> Any:
        answer = await self.ask(orjson.dumps({"query": query, "variables": variables}), headers)
        if "errors" in answer:
            raise SystemExit(str(answer))
        return answer["data"]

    def close(self) -> None:
        self._writer.close()


def sign_in(number: int, username: str, address: str) -> tuple[bytes, dict[str, str]]:
    variables = {"username": username, "password": f"guess {number}"}
    return orjson.dumps({"query": SIGN_IN, "variables": variables}), {"X-Forwarded-For": address}


FLOODS: dict[str, Asking | None] = {
    "quiet": None,
    "idle flood": lambda _: (b'{"query": "{ __typename }"}', {}),
    "one account, one address": lambda number: sign_in(number, "admin", "198.51.100.7"),
    "unknown accounts, each from its own address": lambda number: sign_in(
        number, f"user{number}", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    ),
}


async def measure(address: str, seconds: float, runs: int, rate: float, every: float) -> None:
    line = await Line.to(address)
    token = (await line.get(SIGN_IN, {}, username="admin", password=PASSWORD))["tokenCreate"]["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    orders = [node["id"] for node in (await line.get(NEWEST, headers))["orders"]["nodes"]]
    line.close()
    bodies = [orjson.dumps({"query": POINT, "variables": {"id": each}}) for each in orders]
    found: dict[str, list[list[float]]] = {}
    answers: dict[str, dict[str, int]] = {}
    for _ in range(runs):
        for name, flood in FLOODS.items():
            process = await begin(address, name, seconds, rate) if flood else None
            # A new connection: the server does not keep one that is silent while the flood runs dry.
            line = await Line.to(address)
            found.setdefault(name, []).append(await ask_steadily(line, bodies, headers, seconds, every))
            line.close()
            if process is not None:
                out, _ = await process.communicate()
                told: dict[str, int] = json.loads(out)
                answers[name] = {
                    code: told.get(code, 0) + answers.get(name, {}).get(code, 0)
                    for code in told | answers.get(name, {})
                }
    tell(found, answers, seconds, runs, rate, every)


async def ask_steadily(
    line: Line, bodies: list[bytes], headers: dict[str, str], seconds: float, every: float
) -> list[float]:
    """How many milliseconds each query took; the first fifth of the time does not count."""
    took: list[float] = []
    begin_at = time.perf_counter() + seconds / 5
    for body in itertools.cycle(bodies):
        started = time.perf_counter()
        if started > begin_at + seconds:
            return took
        answer = await line.ask(body, headers)
        if started >= begin_at:
            took.append(1000 * (time.perf_counter() - started))
        if not answer["data"]["order"]:
            raise SystemExit(str(answer))
        await asyncio.sleep(max(0.0, every / 1000 - (time.perf_counter() - started)))
    return took


async def begin(address: str, name: str, seconds: float, rate: float) -> asyncio.subprocess.Process:
    """A process that floods for as long as is measured."""
    program = "import sign_ins, sys; sign_ins.flood(*sys.argv[1:])"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    command = [sys.executable, "-c", program, address, name, str(1.2 * seconds), str(rate)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


def flood(address: str, name: str, seconds: str, rate: str) -> None:
    """Send requests at a steady rate, and print how many had which answer."""
    asking = FLOODS[name]
    assert asking is not None
    uvloop.run(send(address, asking, float(seconds), float(rate)))


def outcome(answer: Any) -> str:
    """OK, or the code by which the operation or the sign-in was refused."""
    if answer.get("errors"):
        return answer["errors"][0]["extensions"]["code"]
    made = answer["data"].get("tokenCreate")
    return made["userErrors"][0]["code"] if made and made["userErrors"] else "OK"


async def send(address: str, asking: Asking, seconds: float, rate: float) -> None:
    lines: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(LINES):
        lines.put_nowait(await Line.to(address))
    codes: dict[str, int] = {}
    # Another flood than that of the run before: what those attempts have used up is no matter.
    first = int(time.time() * 1000) % 2**22

    async def one(number: int) -> None:
        line = await lines.get()
        code = outcome(await line.ask(*asking(first + number)))
        codes[code] = codes.get(code, 0) + 1
        lines.put_nowait(line)

    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    started, tasks = loop.time(), list[asyncio.Task[None]]()
    for number in range(int(seconds * rate)):
        await asyncio.sleep(started + number / rate - loop.time())
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    print(json.dumps(codes), flush=True)


def tell(
    found: dict[str, list[list[float]]],
    answers: dict[str, dict[str, int]],
    seconds: float,
    runs: int,
    rate: float,
    every: float,
) -> None:
    cpu = platform.processor() or platform.machine()
    print(f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}; load average {os.getloadavg()[0]:.1f}")
    print(f"{rate:g} a second, a point query every {every:g} ms; medians of {runs} runs of {seconds:g} s\n")
    print("| flood | p50 ms | p99 ms | ratio p50 | ratio p99 | answers |")
    print("|---|---:|---:|---:|---:|---|")
    medians = {
        name: [statistics.median(values) for values in zip(*map(percentiles, each), strict=True)]
        for name, each in found.items()
    }
    quiet = medians["quiet"]
    for name, (p50, p99) in medians.items():
        told = ", ".join(f"{count:,} {code}" for code, count in sorted(answers.get(name, {}).items()))
        ratios = f"{p50 / quiet[0]:.1f} | {p99 / quiet[1]:.1f}"
        print(f"| {name} | {p50:.1f} | {p99:.1f} | {ratios} | {told} |")
    command = f"bench/sign_ins.py --seconds {seconds:g} --runs {runs} --rate {rate:g} --every {every:g}"
    print(f"\nRepeat: PYTHONPATH=. .venv/bin/python {command}")


def percentiles(took: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    main()
