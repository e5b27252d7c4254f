"""Many subscribers in one process, for bench/stream.py: as little work for each message as a client can do.

It says `"connected"`, and then answers each line it is given: `begin`, when what was told so far is forgotten, and
`heard N`, when each subscriber was told of N events since, or when nothing comes any more: with the delays.
"""

import asyncio
import json
import os
import sys
import time
from array import array
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvloop

WATCH = "subscription ($after: String) { orderStatusChanged(after: $after) { cursor occurredAt to order { number } } }"
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
AT_ONCE = 100
"""Connections that are opened side by side."""
QUIET = 3.0
"""Seconds without a message after which nothing more is expected."""
SHORT_HEAD, EXTENDED = 2, 126
"""Bytes of a frame's shortest head; and the size which says that the true one follows in two bytes."""


class Subscriber(asyncio.Protocol):
    """One socket: reads text frames, and resumes when its stream ends."""

    def __init__(self, token: str, handshake: str, tally: "Tally") -> None:
        self._token, self._handshake, self._tally = token, handshake, tally
        self._buffer = b""
        self._cursor: str | None = None
        self._is_open = False
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.was_told = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._handshake.encode())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (the name that asyncio gives it)
        self._tally.lost += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            self._open()
        while (message := self._next_frame()) is not None:
            self._take(message)

    def _next_frame(self) -> bytes | None:
        """The next whole text frame; frames of a server are not masked."""
        buffer = self._buffer
        if len(buffer) < SHORT_HEAD:
            return None
        size, start = buffer[1] & 127, SHORT_HEAD
        if size == EXTENDED:
            size, start = int.from_bytes(buffer[2:4], "big"), SHORT_HEAD + 2
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[start : start + size] if buffer[0] & 15 == 1 else b"{}"

    def _open(self) -> None:
        self._is_open = True
        if not self._token:
            self.subscribed.set_result(None)
            return
        self._send(type="connection_init", payload={"Authorization": f"Bearer {self._token}"})

    def _take(self, frame: bytes) -> None:
        message = orjson.loads(frame)
        match message.get("type"):
            case "next" if "errors" not in message["payload"]:
                event = message["payload"]["data"]["orderStatusChanged"]
                self._cursor = event["cursor"]
                self.was_told = True
                self._tally.add(time.time() - datetime.fromisoformat(event["occurredAt"]).timestamp())
            case "next":
                self._cursor = message["payload"]["errors"][0]["extensions"].get("cursor", self._cursor)
            case "connection_ack":
                self._subscribe()
                self.subscribed.set_result(None)
            case "complete":
                self._tally.resumed += 1
                self._subscribe()
            case _:
                pass

    def _subscribe(self) -> None:
        payload = {"query": WATCH, "variables": {"after": self._cursor}}
        self._send(type="subscribe", id="1", payload=payload)

    def _send(self, **message: Any) -> None:
        body = orjson.dumps(message)
        # Masked with zeros, which is what it says.
        head = bytes([129, 128 | EXTENDED]) + len(body).to_bytes(2, "big")
        self._transport.write(head + bytes(4) + body)


class Tally:
    """The delays of all subscribers, in seconds."""

    def __init__(self) -> None:
        self.delays = array("d")
        self.lost = self.resumed = 0
        self._expected = 0
        self._all_heard = asyncio.Event()

    def add(self, delay: float) -> None:
        self.delays.append(delay)
        if len(self.delays) >= self._expected:
            self._all_heard.set()

    async def heard(self, expected: int) -> None:
        """Wait for as many messages in all, and for no more when nothing comes any more."""
        self._expected, known = expected, -1
        self._all_heard.clear()
        while known < len(self.delays) < expected:
            known = len(self.delays)
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET):
                    await self._all_heard.wait()

    def begin(self) -> None:
        self.delays = array("d")
        self.resumed = 0

    def found(self) -> dict[str, float]:
        """What was measured, in ms."""
        ordered = sorted(1000 * delay for delay in self.delays) or [float("nan")]
        count = len(ordered)
        return {
            "received": count,
            "p50": ordered[count // 2],
            "p99": ordered[min(count - 1, count * 99 // 100)],
            "last": ordered[-1],
            "resumed": self.resumed + self.lost,
        }


async def main(url: str, number: int) -> None:
    tally, token, where = Tally(), os.environ["BENCH_TOKEN"], urlsplit(url)
    handshake = HANDSHAKE.format(path=where.path, host=where.netloc)
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def connect() -> Subscriber:
        async with gate:
            made = lambda: Subscriber(token, handshake, tally)  # noqa: E731
            _, subscriber = await loop.create_connection(made, where.hostname, where.port)
            await subscriber.subscribed
            return subscriber

    subscribers = await asyncio.gather(*(connect() for _ in range(number)))
    _say("connected")
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if word == "begin":
            tally.begin()
            _say("begun")
            continue
        await tally.heard(int(word.split()[1]) * number)
        missing = sum(not subscriber.was_told for subscriber in subscribers)
        _say({**tally.found(), "missing": missing})


def _say(what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
