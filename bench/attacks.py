"""How much memory a server takes while it is attacked, and how long others wait meanwhile.

A real `orderwire serve` with its embedded PostgreSQL and the demo shop. Each attack goes on for `--seconds` over
`--lines` connections, and begins anew where the server ends it; meanwhile somebody else asks for /health.

    PYTHONPATH=. .venv/bin/python bench/attacks.py --seconds 3
"""

import argparse
import asyncio
import itertools
import os
import platform
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import uvloop
from sign_ins import serving

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from hostile.corpus import CORPUS, many
from hostile.requests import ATTACKS

Attack = Callable[[], Iterator[bytes]]
"""What one connection sends, part by part."""

HEALTH = b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n"
CHUNKED = (
    b"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
SHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
numbers = itertools.count()


def post(body: bytes, accept: bytes = b"*/*") -> bytes:
    head = b"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nAccept: %b\r\n" % accept
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def frame(payload: bytes, opcode: int = 0x81) -> bytes:
    """A frame of a client, masked with zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)  # noqa: PLR2004
    return bytes([opcode]) + length + bytes(4) + payload


def documents(prefix: bytes, accept: bytes = b"*/*") -> Attack:
    return lambda: (prefix + post(each.sent, accept) for each in CORPUS)


def new_documents() -> Iterator[bytes]:
    """Documents that are as large as they may be, each another one."""
    while True:
        text = f"query Q{next(numbers)} {{ me {{ {many('a@: id', 99)} }} n: nodes(ids: [{'1 ' * 400}]) {{ id }} }}"
        yield post(b'{"query":"%b"}' % text.encode())


def new_conditions() -> Iterator[bytes]:
    """One operation with as many plans as it may have."""
    names = [f"c{place}" for place in range(8)]
    wide = many("a@: lines { position quantity variant { sku } }", 90)
    declared = " ".join(f"${name}: Boolean!" for name in names)
    text = f"query Q{next(numbers)}({declared}) {{ order(id: 1) {{ {wide} }} "
    text += " ".join(f"{name}: __typename @include(if: ${name})" for name in names) + " }"
    for number in range(256):
        given = ",".join(f'"{name}":{str(bool(number >> place & 1)).lower()}' for place, name in enumerate(names))
        yield post(b'{"query":"%b","variables":{%b}}' % (text.encode(), given.encode()))


def endless(first: bytes, part: bytes) -> Attack:
    return lambda: itertools.chain([first], itertools.repeat(part))


def subscriptions() -> Iterator[bytes]:
    yield SHAKE + frame(b'{"type":"connection_init"}')
    for number in itertools.count():
        yield frame(b'{"type":"subscribe","id":"%d","payload":{"query":"{ products { nodes { name } } }"}}' % number)
        yield frame(b'{"type":"complete","id":"%d"}' % number)


INIT = SHAKE + frame(b'{"type":"connection_init"}')
RUN: dict[str, Attack] = {
    "the corpus, as JSON": documents(b""),
    "the corpus, as events": documents(b"", b"text/event-stream"),
    "malformed requests": lambda: iter([each.sent for each in ATTACKS]),
    "new large documents": new_documents,
    "new conditions": new_conditions,
    "endless trailers": endless(CHUNKED + b"1\r\n{\r\n0\r\n", b"A: b\r\n" * 10_000),
    "one endless trailer": endless(CHUNKED + b"1\r\n{\r\n0\r\nA: ", b"b" * 60_000),
    "an endless extension": endless(CHUNKED + b"1;a=", b"b" * 60_000),
    "pipelines": endless(b"", HEALTH * 5_000),
    "pings": endless(INIT, frame(b"", 0x89) * 10_000),
    "empty fragments": endless(INIT + frame(b"", 0x01), frame(b"", 0x00) * 10_000),
    "subscribe and complete": subscriptions,
    "answers nobody reads": endless(b"", post(b'{"query":"{ %b: __typename }"}' % (b"x" * 60_000))),
}
UNREAD = {"answers nobody reads"}


async def attack(port: int, parts: Attack, until: float, is_read: bool) -> int:
    """Send, and begin anew where the server has enough; how many bytes were taken."""
    sent = 0
    while time.monotonic() < until:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reading = asyncio.create_task(swallow(reader)) if is_read else None
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    for part in parts():
                        writer.write(part)
                        await writer.drain()
                        sent += len(part)
                        await asyncio.sleep(0)
            finally:
                writer.transport.abort()
                if reading is not None:
                    await asyncio.wait([reading])
    return sent


async def swallow(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(1 << 20):
            pass


async def ask(port: int) -> float:
    """The milliseconds that somebody else waits."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEALTH)
    await reader.readuntil(b'{"status":"ok"}')
    writer.transport.abort()
    return (time.monotonic() - began) * 1000


async def measure(address: str, seconds: float, lines: int) -> None:
    """Run each attack, and print Markdown."""
    port = urlsplit(address).port or 0
    listening = (each for each in psutil.net_connections("tcp") if each.laddr and each.laddr.port == port)
    process = psutil.Process(next(each.pid for each in listening if each.pid and each.status == psutil.CONN_LISTEN))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {lines} connections, {seconds:g} s each\n")
    print("| attack | sent | memory before | at most | 5 s after | others wait, p50 | at most |")
    print("|---|---|---|---|---|---|---|")
    for name, parts in RUN.items():
        before, until = _memory(process), time.monotonic() + seconds
        attacks = [asyncio.create_task(attack(port, parts, until, name not in UNREAD)) for _ in range(lines)]
        waits, most = [], before
        while time.monotonic() < until:
            waits.append(await ask(port))
            most = max(most, _memory(process))
            await asyncio.sleep(0.02)
        sent = sum(await asyncio.gather(*attacks))
        await asyncio.sleep(5)
        waits.sort()
        figures = f"{before:.0f} MB | {most:.0f} MB | {_memory(process):.0f} MB"
        print(f"| {name} | {sent / 1e6:.1f} MB | {figures} | {waits[len(waits) // 2]:.0f} ms | {waits[-1]:.0f} ms |")


def _memory(process: psutil.Process) -> float:
    return process.memory_info().rss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--lines", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as place, serving(Path(place)) as address:
        uvloop.run(measure(address, given.seconds, given.lines))


if __name__ == "__main__":
    main()
