"""Passwords: Argon2id, off the event loop and out of its process; hashes of bcrypt are accepted and replaced."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from app.access.hashers import Processes
from app.access.hashing import Hashing, argon2id
from app.settings import Settings
from domain.refusals import Refused
from domain.secret import digest_of, new_secret
from domain.throttle import busy


class Hasher:
    """Hashes in processes of their own, a few at once: a flood of sign-ins must not stall the queries.

    A few more wait; the rest is refused at once, for whoever is far behind in the line is gone before their turn.
    """

    def __init__(self, settings: Settings) -> None:
        self._processes = Processes(settings.password_nice, _costs(settings))
        self._most = settings.password_hashers + settings.password_queue
        # A thread for each process, which only waits for it. What somebody has stopped waiting for is then done
        # nevertheless, and a process is asked the next thing when it has answered the last.
        self._threads = ThreadPoolExecutor(settings.password_hashers, "password")
        self._under_way = set[Future[Any]]()

    async def hash(self, password: str) -> str:
        return await self._ask("hash", password)

    async def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        matches, renewed = await self._ask("check", password, hashed)
        return matches, renewed

    def must_have_room(self) -> None:
        if len(self._under_way) >= self._most:
            raise Refused(busy())

    def close(self) -> None:
        """Give up what is under way, and end the processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.kill()
        self._threads.shutdown()
        self._processes.close()

    async def _ask(self, *question: str | None) -> Any:
        self.must_have_room()
        asked = self._threads.submit(self._processes.ask, question)
        self._under_way.add(asked)
        # When it is done, or was given up before its turn; whoever leaves later leaves the work behind.
        asked.add_done_callback(self._under_way.discard)
        return await asyncio.wrap_future(asked)


class LoneHasher:
    """Hashes where it is called: for commands, which serve nobody else meanwhile."""

    def __init__(self, work: Hashing) -> None:
        self._work = work

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(Hashing(argon2id(*_costs(settings))))

    async def hash(self, password: str) -> str:
        return self._work.hash(password)

    async def check(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        return self._work.check(password, hashed)

    async def matches(self, password: str, hashed: str) -> bool:
        """Whether it is the password; in half of the time of `check`, which lets nobody learn who is known."""
        return self._work.matches(password, hashed)

    def must_have_room(self) -> None:
        """There always is."""


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


def _costs(settings: Settings) -> tuple[int, int, int]:
    return settings.password_time_cost, settings.password_memory_kib, settings.password_parallelism
