"""`orderwire` as its users run it: a process of its own, with nothing from the environment of the tests."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from support.server import CHEAP_PASSWORDS
from support.starter import Forked, fork

from app.access import hashing

ORDERWIRE = [sys.executable, "-c", "from app.__main__ import main; main()"]
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """What a process gets to see: the settings, cheap passwords where these say nothing, and what any process needs."""
    given = {f"ORDERWIRE_{name.upper()}": str(value) for name, value in {**CHEAP_PASSWORDS, **settings}.items()}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(data_dir),
        "COLUMNS": "200",
        "PYTHONPATH": str(ROOT),
        "ORDERWIRE_DATA_DIR": str(data_dir),
        "ORDERWIRE_PORT": "0",
        **given,
    }


def start(data_dir: Path, *arguments: object) -> Forked:
    """A command that goes on until it is stopped."""
    return fork([*map(str, arguments)], data_dir, environment(data_dir), *_files(data_dir))


def run(data_dir: Path, *arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command, (out, err) = [*map(str, arguments)], _files(data_dir)
    process = fork(command, data_dir, environment(data_dir, **settings), out, err)
    try:
        code = process.wait(PATIENCE)
    finally:
        process.kill()
        show(err)
    return subprocess.CompletedProcess(command, code, out.read_text(), err.read_text())


class Serving:
    """A running `orderwire serve`."""

    def __init__(self, process: Forked | subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err
        self.children: list[psutil.Process] = []

    @property
    def told(self) -> str:
        return self._out.read_text()

    @property
    def logged(self) -> str:
        return self._err.read_text()

    @property
    def spent(self) -> float:
        """The processor time that it has taken, with what it started and waited for, in seconds."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:4])

    def ready(self) -> None:
        """Wait until it is."""
        eventually(lambda: "Stop it" in self.told or self.process.poll() is not None)
        assert self.process.poll() is None, self.logged
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    def value(self, name: str) -> str:
        """What it told under a heading, such as `Admin password`."""
        found = re.search(rf"{name}\s+(\S.*)", self.told)
        assert found is not None, self.told
        return found[1].strip()

    @property
    def url(self) -> str:
        return self.value("Playground")

    def post(self, query: str, token: str | None = None, **variables: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # To load certificates would be most of the work.
        with httpx.Client(trust_env=False, verify=False, timeout=PATIENCE) as client:
            body = {"query": query, "variables": variables}
            return client.post(self.url, json=body, headers=headers).json()["data"]

    def sign_in(self, username: str, password: str) -> str | None:
        query = (
            "mutation ($u: String!, $p: String!) { tokenCreate(input: {username: $u, password: $p}) { accessToken } }"
        )
        return self.post(query, u=username, p=password)["tokenCreate"]["accessToken"]

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Send a signal; the exit code and the seconds it took. Ctrl-C at a terminal reaches the whole group."""
        self.children = psutil.Process(self.process.pid).children(recursive=True)
        before = time.monotonic()
        if number is signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE), time.monotonic() - before


@contextmanager
def serving(data_dir: Path, *prefix: str, fresh: bool = False, **settings: object) -> Generator[Serving]:
    """A server that is killed at the end, should it still run; `fresh` makes it start an interpreter of its own."""
    (out, err), seen = _files(data_dir), environment(data_dir, **settings)
    if fresh or prefix:
        process = _start([*prefix, *ORDERWIRE, "serve"], data_dir, seen, out, err)
    else:
        process = fork(["serve"], data_dir, seen, out, err)
    try:
        yield Serving(process, out, err)
    finally:
        process.kill()
        process.wait(PATIENCE)
        show(err)
        for leftover in postgres_of(data_dir):
            leftover.kill()


def _files(data_dir: Path) -> tuple[Path, Path]:
    """Two empty ones: for what a process tells, and for what it complains about."""
    out = data_dir / f"out{time.monotonic_ns()}.txt"
    err = out.with_suffix(".err")
    out.touch()
    err.touch()
    return out, err


def show(logged: Path) -> None:
    """Have what a process logged belong to what the test did, where it is looked through for secrets."""
    sys.stderr.write(logged.read_text())


def _start(
    command: Sequence[str], data_dir: Path, seen: dict[str, str], out: Path, err: Path
) -> subprocess.Popen[bytes]:
    with out.open("w") as told, err.open("w") as logged:
        return subprocess.Popen(
            command,
            cwd=data_dir,
            env=seen,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=logged,
            start_new_session=True,
        )


def postgres_of(data_dir: Path) -> list[psutil.Process]:
    """The PostgreSQL servers that run on a data directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if str(data_dir / "postgres") in command and not is_gone(process):
            found.append(process)
    return found


def hashers_of(pid: int | None = None) -> list[psutil.Process]:
    """The processes that hash passwords for a process, by default this one, or for its workers."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if hashing.__file__ in child.cmdline() and not is_gone(child):
                found.append(child)
    return found


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended, be it that nobody has asked for its exit code yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "The condition was never met."
        time.sleep(0.01)
