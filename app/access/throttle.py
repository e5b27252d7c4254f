"""How often something may be tried, by the library `limits`: in the memory of the process, or in Valkey for all."""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from app.access.throttle_storage import BoundedMemory
from app.settings import Settings
from domain.actor import Origin
from domain.refusals import Refused
from domain.throttle import Act, busy, too_many_attempts

if TYPE_CHECKING:
    from app.valkey import Valkey

log = structlog.get_logger("orderwire.access")

T = TypeVar("T")
Counter = tuple[RateLimitItem, str]
"""How much is allowed of what is counted under a key."""

LINE = 20
"""How many attempts at one account, or from one address, may wait for each other."""


NAMES = 10_000
"""How many names of users are remembered whose password was wrong."""


@dataclass(slots=True)
class _Turn:
    """Whose turn it is at one account or address."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Throttle:
    """Counts within moving windows. Where Valkey is away, each process counts for itself."""

    def __init__(self, settings: Settings, valkey: "Valkey | None") -> None:
        """`valkey` is where all processes count together, if there is one."""
        self._failures = {
            "account": RateLimitItemPerMinute(settings.sign_in_failures_per_account),
            "address": RateLimitItemPerMinute(settings.sign_in_failures_per_address),
        }
        self._acts = {
            (Act.REGISTRATION, "address"): RateLimitItemPerHour(settings.registrations_per_address),
            (Act.LOGIN, "address"): RateLimitItemPerHour(settings.logins_per_address),
            (Act.RESET_REQUEST, "account"): RateLimitItemPerHour(settings.reset_requests_per_account),
            (Act.RESET_REQUEST, "address"): RateLimitItemPerHour(settings.reset_requests_per_address),
        }
        self._turns: dict[str, _Turn] = {}
        self._names: OrderedDict[str, str] = OrderedDict()
        self._own = MovingWindowRateLimiter(BoundedMemory())
        self._valkey = valkey
        self._shared = MovingWindowRateLimiter(_counted_in(valkey)) if valkey else None

    @asynccontextmanager
    async def attempt(self, account: str, origin: Origin | None) -> AsyncGenerator["_Attempt"]:
        """One after the other, so that of a thousand at once not all are tried before the first has failed.

        Each that fails is told in the log.
        """
        try:
            async with self._trying(account, origin) as attempt:
                yield attempt
        except Refused as refused:
            name = self._names.get(account.lower())
            tell_failure(refused.refusals[0].code.lower(), name, origin)
            raise

    @asynccontextmanager
    async def _trying(self, account: str, origin: Origin | None) -> AsyncGenerator["_Attempt"]:
        counters = _counters(self._failures, "sign-in", account, origin)
        # Addresses come before accounts for all who wait, so nobody waits in a circle.
        async with self._turn(counters.get("address")), self._turn(counters.get("account")):
            for counter in counters.values():
                await self._refuse_if_full(counter)
            attempt = _Attempt(self, counters)
            try:
                yield attempt
            except asyncio.CancelledError:
                # Who hangs up while the password is compared has tried it nevertheless.
                await attempt.failed()
                raise

    async def take(self, act: Act, origin: Origin | None, account: str | None = None) -> None:
        allowed = {kind: item for (limited, kind), item in self._acts.items() if limited is act}
        counters = _counters(allowed, act, account, origin).values()
        for counter in counters:
            await self._refuse_if_full(counter)
        for counter in counters:
            if not await self.count(counter):
                # Another one was faster.
                await self._refuse_if_full(counter)

    async def forgive(self, account: str) -> None:
        counters = _counters(self._failures, "sign-in", account, None)
        for counter in counters.values():
            await self.clear(counter)

    def remember(self, username: str) -> None:
        """Remember whose password was wrong: when they are refused next, nobody looks up who they are."""
        key = username.lower()
        self._names[key] = username
        self._names.move_to_end(key)
        if len(self._names) > NAMES:
            self._names.popitem(last=False)

    async def count(self, counter: Counter) -> bool:
        return await self._ask(lambda limiter: limiter.hit(*counter))

    async def clear(self, counter: Counter) -> None:
        await self._ask(lambda limiter: limiter.clear(*counter))

    async def _refuse_if_full(self, counter: Counter) -> None:
        stats = await self._ask(lambda limiter: limiter.get_window_stats(*counter))
        if stats.remaining <= 0:
            raise Refused(too_many_attempts(max(1, math.ceil(stats.reset_time - time.time()))))

    @asynccontextmanager
    async def _turn(self, counter: Counter | None) -> AsyncGenerator[None]:
        if counter is None:
            yield
            return
        _, key = counter
        turn = self._turns.setdefault(key, _Turn())
        if turn.waiting > LINE:
            raise Refused(busy())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[key]

    async def _ask(self, question: Callable[[MovingWindowRateLimiter], Awaitable[T]]) -> T:
        """Ask Valkey, or the memory of this process where there is none, or it is away."""
        shared = self._shared
        if self._valkey is None or shared is None:
            return await question(self._own)
        return await self._valkey.ask(lambda: question(shared), lambda: question(self._own))


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What becomes of one attempt."""

    throttle: Throttle
    counters: dict[str, Counter]

    async def failed(self, username: str | None = None) -> None:
        if username is not None:
            self.throttle.remember(username)
        for counter in self.counters.values():
            await self.throttle.count(counter)

    async def succeeded(self) -> None:
        if account := self.counters.get("account"):
            await self.throttle.clear(account)


def tell_failure(reason: str, account: str | None, origin: Origin | None) -> None:
    """Write the line of a sign-in that failed.

    `account` is the name of a user or a machine that there is: what else stands in its place may be a password that
    was typed into the wrong field.
    """
    address, request_id = (origin.address, origin.request_id) if origin else (None, None)
    log.warning("sign_in_failed", reason=reason, account=account, address=address, request_id=request_id)


def _counted_in(valkey: "Valkey") -> RedisStorage:
    # Handed on to redis, whatever the library's types say of it.
    options: dict[str, Any] = {"connection_pool": valkey.pool}
    return RedisStorage("async+redis://", implementation="redispy", key_prefix="orderwire:limits", **options)


def _counters(
    allowed: Mapping[str, RateLimitItem], what: str, account: str | None, origin: Origin | None
) -> dict[str, Counter]:
    """Where something is counted; a limit of 0 is none."""
    subjects = {"address": origin and origin.network, "account": account and account.lower()}
    return {
        kind: (allowed[kind], _key(what, kind, subject))
        for kind, subject in subjects.items()
        if subject is not None and kind in allowed and allowed[kind].amount
    }


def _key(*parts: str) -> str:
    """A key of bounded length, which nobody can make collide with another, and which tells no name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
