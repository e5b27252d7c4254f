"""Many subscribers in one process, each with as little work as a client can do: it counts, and looks at the clock.

Over WebSocket or server-sent events they read from sockets that are polled, and look for the stamps of the events in
what they read; frames are not taken apart, for that costs more than to send them. It says `"connected"`, and then
answers each line that it is given: `begin`, when what was told so far is forgotten; `heard N`, when every subscriber
was told of N events since, or when nothing comes any more; `found`, with the delays and its own CPU.
"""

import base64
import gc
import json
import os
import select
import socket
import sys
import time
from array import array
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

WATCH = "subscription { orderStatusChanged { cursor occurredAt to order { number } } }"
STAMP = b'"occurredAt":"'
QUIET = 3.0
"""Seconds without a message after which nothing more is expected."""
READ = 1 << 18
LENGTH = 126
"""The length of a frame which says that the true one follows in two bytes."""


class Listeners:
    """The subscribers, and what they were told."""

    def __init__(self, url: str, token: str, number: int, *, is_stream: bool) -> None:
        self._where, self._token = urlsplit(url), token
        self._rests: dict[int, bytes] = {}
        self._stamps: dict[bytes, float] = {}
        self._poll = select.epoll()
        connect = self._listen if is_stream else self._subscribe
        self._sockets = {each.fileno(): each for each in (connect() for _ in range(number))}
        for descriptor, each in self._sockets.items():
            each.setblocking(False)
            self._poll.register(descriptor, select.EPOLLIN)
        self.begin()

    def begin(self) -> None:
        self.delays = array("d")
        self.counts = dict.fromkeys(self._sockets, 0)
        self.lost = 0
        self._stamps.clear()

    def hear(self, events: int) -> None:
        """Read until each was told of so many events, or nothing comes any more."""
        wanted = events * len(self._sockets)
        while len(self.delays) < wanted or min(self.counts.values(), default=events) < events:
            ready = self._poll.poll(QUIET)
            if not ready:
                return
            for descriptor, _ in ready:
                self._read(descriptor)

    def _read(self, descriptor: int) -> None:
        data = self._sockets[descriptor].recv(READ)
        if not data:
            self._poll.unregister(descriptor)
            self._sockets.pop(descriptor).close()
            del self.counts[descriptor]
            self.lost += 1
            return
        now = time.time()
        if descriptor in self._rests:
            data = self._rests.pop(descriptor) + data
        end = 0
        while (found := data.find(STAMP, end)) >= 0 and (close := data.find(b'"', found + len(STAMP))) >= 0:
            stamp = data[found + len(STAMP) : close]
            told = self._stamps.get(stamp)
            if told is None:
                told = self._stamps[stamp] = datetime.fromisoformat(stamp.decode()).timestamp()
            self.delays.append(now - told)
            self.counts[descriptor] += 1
            end = close
        # What was cut may be a stamp.
        if (rest := data[max(end, len(data) - 64) :]) and not rest.endswith((b"}", b"\n\r\n")):
            self._rests[descriptor] = rest if found < 0 else data[found:]

    def found(self) -> dict[str, float]:
        """What was measured, in ms."""
        ordered = sorted(1000 * delay for delay in self.delays) or [float("nan")]
        count = len(ordered)
        return {
            "received": count,
            "p50": ordered[count // 2],
            "p99": ordered[min(count - 1, count * 99 // 100)],
            "lost": self.lost,
            "missing": sum(not told for told in self.counts.values()),
            "cpu": time.process_time(),
        }

    def _subscribe(self) -> socket.socket:
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "graphql-transport-ws",
        }
        made = self._request("GET", upgrade)
        behind = _until(made, b"\r\n\r\n")
        made.sendall(_frame({"type": "connection_init", "payload": {"Authorization": f"Bearer {self._token}"}}))
        _until(made, b"connection_ack", behind)
        made.sendall(_frame({"id": "1", "type": "subscribe", "payload": {"query": WATCH}}))
        return made

    def _listen(self) -> socket.socket:
        body = json.dumps({"query": WATCH}).encode()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Content-Length": str(len(body)),
        }
        made = self._request("POST", headers, body)
        _until(made, b"\r\n\r\n")
        return made

    def _request(self, method: str, headers: dict[str, str], body: bytes = b"") -> socket.socket:
        made = socket.create_connection((self._where.hostname or "", self._where.port or 80))
        head = [f"{method} {self._where.path} HTTP/1.1", f"Host: {self._where.netloc}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        made.sendall("\r\n".join([*head, "", ""]).encode() + body)
        return made


def _until(made: socket.socket, end: bytes, data: bytes = b"") -> bytes:
    """Read up to an end; what came behind it."""
    while end not in data:
        more = made.recv(4096)
        if not more:
            raise ConnectionError(data)
        data += more
    return data.partition(end)[2]


def _frame(message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    # Masked with zeros, which is what it says.
    return bytes([129, 128 | LENGTH]) + len(body).to_bytes(2, "big") + bytes(4) + body


def main(url: str, number: int, way: str) -> None:
    """Connect, and do as told."""
    listeners = Listeners(url, os.environ["BENCH_TOKEN"], number, is_stream=way == "sse")
    gc.disable()
    _say("connected")
    for line in sys.stdin:
        match line.split():
            case ["heard", count]:
                listeners.hear(int(count))
                _say(len(listeners.delays))
            case ["begin"]:
                listeners.begin()
                _say("begun")
            case _:
                _say(listeners.found())


def _say(what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
