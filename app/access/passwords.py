"""Passwords: Argon2id, off the event loop; hashes of bcrypt are accepted and replaced."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from app.settings import Settings
from domain.refusals import Refused
from domain.secret import digest_of, new_secret
from domain.throttle import busy

T = TypeVar("T")

BCRYPT_BYTES = 72
"""bcrypt never looked at what comes after; today's library refuses it, where those of old cut it off."""

NICE = 10
"""How far hashing steps back behind the event loop: where both want the same core it gets a tenth of it."""


class Hasher:
    """Hashes in threads of its own, a few at once: a flood of sign-ins must not stall the queries.

    A few more wait; the rest is refused at once, for whoever is far behind in the line is gone before their turn.
    """

    def __init__(self, settings: Settings, password_hash: PasswordHash | None = None) -> None:
        self._hash = password_hash or hashing(settings)
        # What an unknown user's password is compared with: nobody's, and made as all others are, so that both
        # answers take the same work. The first to come has it made, whoever they are.
        self._nobody: str | None = None
        self._most = settings.password_hashers + settings.password_queue
        self._under_way = 0
        self._threads = ThreadPoolExecutor(settings.password_hashers, "password", _step_back)

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hash.hash(password))

    async def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        return await self._run(lambda: self._check(password, hashed))

    async def matches(self, password: str, hashed: str) -> bool:
        """Whether it is the password, for ourselves: how long the answer takes tells who is known to `check` alone."""
        return await self._run(lambda: self._matches(password, hashed))

    def _check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        nobodys = self._hash_of_nobody()
        if not self._matches(password, hashed or nobodys) or hashed is None:
            return False, None
        hasher = self._hash.current_hasher
        is_current = hasher.identify(hashed) and not hasher.check_needs_rehash(hashed)
        return True, None if is_current else self._hash.hash(password)

    def _matches(self, password: str, hashed: str) -> bool:
        is_bcrypt = BcryptHasher.identify(hashed)
        try:
            return self._hash.verify(password.encode()[:BCRYPT_BYTES] if is_bcrypt else password, hashed)
        except (UnknownHashError, ValueError):
            # ValueError: an old hash with parameters or of a kind that bcrypt does not take.
            return False

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hash.hash(new_secret())
        return self._nobody

    def must_have_room(self) -> None:
        if self._under_way >= self._most:
            raise Refused(busy())

    async def _run(self, work: Callable[[], T]) -> T:
        self.must_have_room()
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


class ResetTokens:
    """Tokens that reset a password: 256 random bits, of which the digest is stored."""

    def __init__(self, settings: Settings) -> None:
        self.minutes = settings.password_reset_minutes
        self._page = settings.password_reset_url

    def make(self) -> tuple[str, str, datetime]:
        token = new_secret()
        return token, digest_of(token), datetime.now(UTC) + timedelta(minutes=self.minutes)

    def way_in(self, token: str) -> str:
        return self._page.replace("{token}", token) if self._page else token


def hashing(settings: Settings) -> PasswordHash:
    """Argon2id with the parameters of the settings; whatever else a hash was made with is recognised."""
    argon2 = Argon2Hasher(
        time_cost=settings.password_time_cost,
        memory_cost=settings.password_memory_kib,
        parallelism=settings.password_parallelism,
    )
    return PasswordHash((argon2, BcryptHasher()))


def _step_back() -> None:
    """Let this thread, and those that Argon2 starts from it, have what the others leave."""
    # Only Linux gives threads a priority of their own; elsewhere the number might be that of another process.
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
