"""Load over HTTP, by wrk (https://github.com/wg/wrk): keep-alive connections, each of which sends when it is answered.

It looks at every answer (load.lua), and its own CPU is told, so that nobody has to believe that it is not what limits
the servers. To its delays it adds those of the requests that it would have sent while it waited for a slow one.
"""

import math
import resource
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

SCRIPT = Path(__file__).with_suffix(".lua")
WAVES = 20
"""How often each connection is answered at least: what is under way at the end costs CPU and is in no count."""

Figures = dict[str, float]
"""Requests a second (`rate`); `p50` and `p99` in ms; CPU ms for a request of each process (`cpu …`); the bytes of an
answer with its head; how busy this client was (`client`)."""


@dataclass(frozen=True)
class Job:
    """What is asked of whom. `headers` go with each of the `bodies`, which are sent in turns."""

    url: str
    headers: dict[str, str]
    bodies: list[str]
    expected: str
    """What each answer has in it; besides, it has no `errors`."""
    pids: dict[str, int]
    """The processes whose CPU is counted, with that of all they have started."""
    connections: int
    seconds: float
    warm: float
    """Seconds before those that count."""


def load(job: Job) -> Figures:
    """Do a job.

    Raises:
        SystemExit: wrk is not installed, or an answer was another than expected, or did not come.
    """
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as directory:
        _write(job, Path(directory))
        rate = _wrk(job, directory, job.warm)["rate"]
        if not rate:
            raise SystemExit(f"{job.url} answered nothing within {job.warm:g} s.")
        before, own, started = _clock(job.pids), _own(), time.perf_counter()
        found = _wrk(job, directory, max(job.seconds, WAVES * job.connections / rate))
        after, used, took = _clock(job.pids), _own() - own, time.perf_counter() - started
    requests = found.pop("requests")
    cpu = {f"cpu {name}": 1000 * (after[name] - before[name]) / requests for name in job.pids}
    return {**found, **cpu, "client": used / took}


def wrk_version() -> str:
    """The version of wrk."""
    # It tells it as if it had been called wrongly.
    told = subprocess.run([_installed(), "--version"], check=False, capture_output=True, text=True)
    return told.stdout.split()[1].removeprefix("debian/")


def _write(job: Job, directory: Path) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json", **job.headers}
    (directory / "head").write_text("".join(f"{name}: {value}\n" for name, value in headers.items()))
    for number, body in enumerate(job.bodies, 1):
        (directory / f"body-{number}").write_text(body)


def _wrk(job: Job, directory: str, seconds: float) -> Figures:
    """Have wrk send for so long, in whole seconds."""
    command = [_installed(), "--threads", "1", "--connections", str(job.connections), "--timeout", "60s"]
    command += ["--duration", f"{math.ceil(seconds)}s", "--script", str(SCRIPT), job.url]
    command += ["--", directory, str(len(job.bodies)), job.expected]
    told = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if told.returncode:
        raise SystemExit("wrk has failed; the reason stands above.")
    figures = told.stdout.partition("\nfigures ")[2].split()
    requests, size, microseconds, p50, p99 = map(float, figures)
    rate = 1_000_000 * requests / microseconds
    return {"requests": requests, "rate": rate, "bytes": size / max(requests, 1), "p50": p50 / 1000, "p99": p99 / 1000}


def _installed() -> str:
    if path := shutil.which("wrk"):
        return path
    raise SystemExit("wrk was not found, which sends the requests: install it by `apt-get install wrk` or the like.")


def _own() -> float:
    """The CPU seconds of all clients so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _clock(pids: dict[str, int]) -> dict[str, float]:
    """The CPU seconds of processes, their descendants and those of them that have ended."""
    return {name: _cpu(psutil.Process(pid)) for name, pid in pids.items()}


def _cpu(process: psutil.Process) -> float:
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            total += sum(each.cpu_times()[:4])
        except psutil.NoSuchProcess:
            # It ended meanwhile; its parent has its time.
            continue
    return total
