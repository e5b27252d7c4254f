"""The work on passwords, and the program that does it in a process of its own: `app/access/passwords.py` starts it.

Run as a program, this file is read by itself: what it imports is what every such process holds.
"""

import ctypes
import json
import os
import secrets
import select
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

LIBC = ctypes.CDLL(None)
"""The system's own library of C."""

BCRYPT_BYTES = 72
"""bcrypt never looked at what comes after; today's library refuses it, where those of old cut it off."""

CHANCES = 5
"""How often that is asked of a system which takes no such wish at the moment."""

PAUSE_EVERY = 0.0003
"""After so many seconds work pauses for some 0.07 ms, in which whoever waits for a core gets onto this one."""

REST = 1.0
"""After so many seconds without a question the memory that was kept for the next hash is given back."""


class Hashing:
    """Hashes and checks passwords, where it is called and at once."""

    def __init__(self, password_hash: PasswordHash) -> None:
        self._hash = password_hash
        # What an unknown user's password is compared with: nobody's, and made as all others are, so that both
        # answers take the same work. The first to come has it made, whoever they are.
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        return self._hash.hash(password)

    def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        nobodys = self._hash_of_nobody()
        if not self.matches(password, hashed or nobodys) or hashed is None:
            return False, None
        hasher = self._hash.current_hasher
        is_current = hasher.identify(hashed) and not hasher.check_needs_rehash(hashed)
        return True, None if is_current else self._hash.hash(password)

    def matches(self, password: str, hashed: str) -> bool:
        """Whether it is the password, of somebody who is known: how long the answer takes tells who is."""
        is_bcrypt = BcryptHasher.identify(hashed)
        try:
            return self._hash.verify(password.encode()[:BCRYPT_BYTES] if is_bcrypt else password, hashed)
        except (UnknownHashError, ValueError):
            # ValueError: an old hash with parameters or of a kind that bcrypt does not take.
            return False

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hash.hash(secrets.token_urlsafe())
        return self._nobody


def argon2id(time_cost: int, memory_kib: int, parallelism: int) -> PasswordHash:
    """Argon2id with these parameters; whatever else a hash was made with is recognised."""
    argon2 = Argon2Hasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
    return PasswordHash((argon2, BcryptHasher()))


def main() -> None:
    """Answer line by line until the other side closes: it has stopped, or was killed.

    A line asks `["hash", password]` or `["check", password, hash or null]`; an answer is `{"found": ...}`, or
    `{"fault": ...}` with the kind of an error, whose text could hold the password.
    """
    nice, *costs = map(int, sys.argv[1:])
    _begin(nice)
    work = Hashing(argon2id(*costs))
    for line in _questions():
        with _pausing():
            answer = _answer(work, line)
        sys.stdout.buffer.write(f"{json.dumps(answer)}\n".encode())
        sys.stdout.buffer.flush()


def _questions() -> Generator[bytes]:
    """The lines of the other side. It asks again when it was answered: no line is read before its time."""
    while True:
        if not select.select([sys.stdin], [], [], REST)[0]:
            _give_back()
        try:
            line = sys.stdin.buffer.readline()
        except ConnectionResetError:
            # The other side was killed, with an answer that it had not read.
            return
        if not line:
            return
        yield line


def _give_back() -> None:
    """Give memory back to the system, where its library keeps any: glibc does (`man malloc_trim`)."""
    trim = getattr(LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def _answer(work: Hashing, line: bytes) -> dict[str, Any]:
    try:
        act, *given = json.loads(line)
        return {"found": work.hash(*given) if act == "hash" else work.check(*given)}
    # Whatever it is, whoever asked must learn of it, and the next may fare better.
    except Exception as error:
        return {"fault": type(error).__name__}


@contextmanager
def _pausing() -> Generator[None]:
    """Work with pauses. However low its priority, work does not make way at once for who wakes up beside it.

    Linux may look at its clock 250 times a second only, and takes a core for free only when nothing runs on it.

    The handler of the timer is a function of C, for one of Python would run after the hash. It is called with the
    number of its signal, 14, and sleeps for as many microseconds, and what a system adds to them.
    """
    signal.setitimer(signal.ITIMER_REAL, PAUSE_EVERY, PAUSE_EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _begin(nice: int) -> None:
    """Step back behind the server, and leave it to the server when this is to end."""
    _step_back(nice)
    # Whoever stops a service signals all of its processes at once; what is under way is still to be answered.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # What pauses the work, see `_pausing`.
    LIBC.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    LIBC.signal(signal.SIGALRM, ctypes.cast(LIBC.usleep, ctypes.c_void_p))
    # Nobody waits for an answer that cannot be written any more.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _step_back(nice: int) -> None:
    os.nice(nice)
    # Linux may share its cores out among sessions first, whatever the priorities within them (man 7 sched, autogroup).
    # This process leads a session of its own, so that it steps back behind that of PostgreSQL too.
    for _ in range(CHANCES):
        try:
            Path("/proc/self/autogroup").write_text(str(nice))
        except BlockingIOError:
            # It takes one such change in a tenth of a second, from all processes together.
            time.sleep(0.1)
        except OSError:
            # Another system, or one that does not do so.
            return
        else:
            return


if __name__ == "__main__":
    main()
