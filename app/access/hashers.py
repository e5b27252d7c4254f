"""The processes that hash passwords: started when they are needed, kept, and replaced when they are lost."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from threading import Lock
from typing import Any

import structlog

from app.access import hashing

log = structlog.get_logger("orderwire.passwords")

TRIES = 2
"""How often a password is given to a process: the first may have been killed, the second is another one."""

KEEPING = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=8589934592:glibc.malloc.hugetlb=1"
"""Has glibc keep the memory of one hash for the next, in large pages; other systems pay no heed to it.

To take it page by page, and give it back, was a third of the work.
"""

Question = Sequence[str | None]
"""What `app/access/hashing.py` is asked."""


class HashingFailedError(Exception):
    """A password was not hashed. The message tells why, and nothing of the password."""


class Processes:
    """Processes that hash, as many as ask at once; each is asked by one thread at a time."""

    def __init__(self, nice: int, costs: Sequence[int]) -> None:
        """`nice` is how far they step back; `costs` are those of Argon2id: passes, KiB, lanes."""
        self._given = [nice, *costs]
        self._all = set[_Process]()
        # The last to rest is the first to work: a quiet server has one.
        self._idle: list[_Process] = []
        self._lock = Lock()
        self._has_ended = False

    def ask(self, question: Question) -> Any:
        """Have a question answered, however long that takes: threads call it.

        Raises:
            HashingFailedError: it cannot be answered, or one process after the other was lost.
            OSError: no process can be started.
        """
        for _ in range(TRIES):
            process = self._take()
            try:
                answer = process.ask(question)
            except OSError:
                self._lose(process)
                continue
            self._idle.append(process)
            if "fault" in answer:
                raise HashingFailedError(answer["fault"])
            return answer["found"]
        raise HashingFailedError("One process after the other was lost.")

    def kill(self) -> None:
        """End them all, whatever they are at, for good: they hold nothing that could be left half done."""
        with self._lock:
            self._has_ended = True
            for process in self._all:
                process.kill()

    def close(self) -> None:
        """Let go of those that were killed; nobody may be asking them any more."""
        for process in self._all:
            process.close()

    def _take(self) -> "_Process":
        with self._lock:
            if self._has_ended:
                raise HashingFailedError("The server has stopped.")
            if self._idle:
                return self._idle.pop()
            process = _Process(self._given)
            self._all.add(process)
            return process

    def _lose(self, process: "_Process") -> None:
        with self._lock:
            self._all.discard(process)
            has_ended = self._has_ended
        code = process.close()
        if not has_ended:
            log.warning("hasher_lost", code=code)


class _Process:
    """One of them. It ends when this process does, however that ends: its other end of the line is closed then."""

    def __init__(self, given: Sequence[int]) -> None:
        # Passwords are to be seen by nobody else: not in arguments, not in the environment, not in a file.
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (a program of our own)
                # -P: what lies beside the program is not to be taken for what it imports.
                [sys.executable, "-P", hashing.__file__, *map(str, given)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env=_environment(),
                # Ctrl-C goes to all of a terminal's group; the server answers what is under way before it stops.
                start_new_session=True,
            )
        self._answers = self._line.makefile("rb")

    def ask(self, question: Question) -> dict[str, Any]:
        """Its answer.

        Raises:
            OSError: it is lost.
        """
        self._line.sendall(f"{json.dumps(question)}\n".encode())
        answer = self._answers.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionResetError
        return json.loads(answer)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> int:
        """Wait for its end, which the end of the line is to it; the exit code."""
        self._answers.close()
        self._line.close()
        return self._process.wait()


def _environment() -> dict[str, str]:
    """What such a process gets to see. Settings hold secrets, for which it has no use."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWIRE_")}
    return {"GLIBC_TUNABLES": KEEPING} | given
