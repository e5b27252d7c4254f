"""Load over HTTP, in a process of its own: keep-alive connections, each of which sends when its last answer is there.

It does as little for an answer as a client can, and tells its own CPU, so that nobody has to believe that it is not
what limits the servers. Each line of standard input is a job; a line of standard output is what was found.
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psutil
import uvloop


class Connection(asyncio.Protocol):
    """Sends one request again and again; answers must have a length, be well and hold what is expected."""

    def __init__(self, request: bytes, expected: bytes, tally: "Tally") -> None:
        self._request, self._expected, self._tally = request, expected, tally
        self._parts: list[bytes] = []
        self._left = -1
        """Bytes of the body that are still to come; -1 while the head is."""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"The server hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._parts.append(data)
            head, end, data = b"".join(self._parts).partition(b"\r\n\r\n")
            if not end:
                return
            self._parts, self._left = [], _length(head)
        self._parts.append(data)
        self._left -= len(data)
        if self._left == 0:
            self._answered(b"".join(self._parts))

    def _answered(self, body: bytes) -> None:
        if self._expected not in body or b'"errors"' in body:
            self._fail(body[:2000])
            return
        self._tally.add(self._sent, len(body))
        self._parts, self._left = [], -1
        if self._tally.is_over:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def _fail(self, what: bytes) -> None:
        if not self.done.done():
            self.done.set_exception(ValueError(what.decode(errors="replace")))
        self._transport.abort()


def _length(head: bytes) -> int:
    """The length of the body that a head tells, which must be that of a success."""
    status, *lines = head.split(b"\r\n")
    if b" 200 " not in status:
        raise SystemExit(head.decode())
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise SystemExit(f"The answer tells no length: {head.decode()}")


class Tally:
    """The delays, in seconds, of the requests that were answered while it counts."""

    def __init__(self) -> None:
        self.delays = array("d")
        self.size = 0
        self.is_counting = self.is_over = False

    def add(self, sent: float, size: int) -> None:
        if self.is_counting:
            self.delays.append(time.perf_counter() - sent)
            self.size = size


class Clock:
    """The CPU time of processes and of all that they have started and start."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}

    def read(self) -> dict[str, float]:
        return {name: _cpu(process) for name, process in self._processes.items()}


def _cpu(process: psutil.Process) -> float:
    """The CPU seconds of a process, its descendants and those of them that have ended."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            total += sum(each.cpu_times()[:4])
        except psutil.NoSuchProcess:
            # It ended meanwhile; its parent has its time.
            continue
    return total


async def load(job: dict[str, Any]) -> dict[str, float]:
    """Do a job: warm up, then count for as many seconds as it says, and until the least number of answers is there."""
    where, tally, clock = urlsplit(job["url"]), Tally(), Clock(job["pids"])
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    for index in range(job["connections"]):
        request = _request(where.path, where.netloc, job["headers"], job["bodies"][index % len(job["bodies"])])
        connection = Connection(request, job["expected"].encode(), tally)
        await loop.create_connection(lambda made=connection: made, where.hostname, where.port)
        connections.append(connection)
    ended = asyncio.gather(*(each.done for each in connections))
    await _unless_failed(ended, job["warm"])
    gc.collect()
    before, own, started = clock.read(), time.process_time(), time.perf_counter()
    tally.is_counting = True
    while (left := started + job["seconds"] - time.perf_counter()) > 0 or len(tally.delays) < job["least"]:
        await _unless_failed(ended, max(left, 0.1))
    tally.is_counting = False
    took, after, used = time.perf_counter() - started, clock.read(), time.process_time() - own
    tally.is_over = True
    await ended
    return _found(tally, took, used, {name: after[name] - before[name] for name in before})


async def _unless_failed(ended: Any, seconds: float) -> None:
    """Wait for as long, or until a connection has failed."""
    await asyncio.wait([ended], timeout=seconds)
    if ended.done():
        await ended


def _found(tally: Tally, took: float, used: float, cpu: dict[str, float]) -> dict[str, float]:
    """Requests a second; delays and CPU in ms, the latter for each request; how busy this client was."""
    ordered = sorted(1000 * delay for delay in tally.delays)
    count = len(ordered)
    found = {f"cpu {name}": 1000 * spent / count for name, spent in cpu.items()}
    found |= {"rate": count / took, "p50": ordered[count // 2], "p99": ordered[min(count - 1, count * 99 // 100)]}
    return {**found, "bytes": tally.size, "client": used / took}


def _request(path: str, host: str, headers: dict[str, str], body: str) -> bytes:
    content = body.encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


@contextmanager
def clients() -> Generator[Callable[[dict[str, Any]], dict[str, float]]]:
    """A process that does one job after the other; yields what gives it a job and waits for the figures."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def load(job: dict[str, Any]) -> dict[str, float]:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise SystemExit("The clients have failed; the reason stands above.")
            return json.loads(line)

        yield load
        process.stdin.close()


def main() -> None:
    """Do the jobs that come."""
    gc.disable()
    for line in sys.stdin:
        print(json.dumps(uvloop.run(load(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
