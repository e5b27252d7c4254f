"""Starts `orderwire` many times for the price of one: a process imports what it needs, and forks for each command.

Each command has a session, a directory, an environment and files of its own, and ends as any process does: it is the
whole of an interpreter but for its start, which some tests still make.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

import psutil

ROOT = Path(__file__).parents[2]
STARTER = "from tests.support.starter import main; main()"

# Nothing of it looks at the environment or starts anything while it is imported. app.cli, app.serve and db.embedded
# do look, and so are imported by each command.
HEAVY = (
    "alembic.command",
    "app.main",
    "app.prepare",
    "app.server",
    "db.online_retail",
    "fasteners",
    "platformdirs",
    "typer.main",
    "typer.rich_utils",
    "uvicorn.lifespan.on",
    "uvicorn.main",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
)
"""What takes long to import."""


class Forked:
    """A forked process, with what the tests use of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], reports: IO[str]) -> None:
        self.args, self._reports = arguments, reports
        self.pid = int(reports.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float) -> int:
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, patience: float) -> int | None:
        """The exit code, where there is one within so many seconds."""
        if self.returncode is None and select.select([self._reports], [], [], patience)[0]:
            self.returncode = os.waitstatus_to_exitcode(int(self._reports.readline()))
            self._reports.close()
        return self.returncode


def fork(arguments: Sequence[str], directory: Path, environment: dict[str, str], output: Path, errors: Path) -> Forked:
    """Start `orderwire` with these arguments, nothing to read, and files to write to."""
    command = json.dumps([arguments, str(directory), environment, str(output), str(errors)])
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            socket.send_fds(_door(), [b"."], [theirs.fileno()])
        ours.sendall(f"{command}\n".encode())
        return Forked(arguments, ours.makefile())


@cache
def _door() -> socket.socket:
    """Where the starter of this test process waits for commands; it ends when this is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(starter.wait)
    atexit.register(ours.close)
    return ours


def main() -> None:
    """The starter: forks for each command until the door is closed."""
    for name in HEAVY:
        import_module(name)
    # Each command would look through all of it at its end, and so copy it.
    gc.freeze()
    # A fork takes one thread with it: of another it would have the locks and not the work.
    assert psutil.Process().num_threads() == 1
    door = socket.socket(fileno=sys.stdin.fileno())
    while received := socket.recv_fds(door, 1, 1)[1]:
        if os.fork() == 0:
            door.close()
            keep(socket.socket(fileno=received[0]))
            return
        os.close(received[0])
        _reap()
    _reap()


def _reap() -> None:
    """Ask for the exit codes of the keepers that are gone: so the time of a command counts as that of its test."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def keep(reports: socket.socket) -> None:
    """Fork the command, tell its number, wait for its end and tell that; returns in the command only."""
    with reports, reports.makefile() as lines:
        command = json.loads(lines.readline())
        if pid := os.fork():
            with suppress(BrokenPipeError):
                reports.sendall(f"{pid}\n".encode())
                reports.sendall(f"{os.waitpid(pid, 0)[1]}\n".encode())
            os._exit(0)
    become(*command)


def become(arguments: list[str], directory: str, environment: dict[str, str], output: str, errors: str) -> None:
    """Run `orderwire` in this process."""
    os.setsid()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    for number, path, mode in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY), (2, errors, os.O_WRONLY)):
        opened = os.open(path, mode)
        # It may be free: the door was there. What the command opens must not come into its place.
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
    sys.argv = ["orderwire", *arguments]

    from app.__main__ import main as orderwire

    orderwire()
