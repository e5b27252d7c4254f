"""One Redis or Valkey where all processes count together; while it is away, each counts by itself."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger("orderwire.limits")

T = TypeVar("T")

PATIENCE = 0.5
"""Seconds that it may take."""

AWAY = 5.0
"""Seconds after which one that did not answer is asked again."""

CONNECTIONS = 16


class Valkey:
    """The connections of this process, and whether there is anybody to ask."""

    def __init__(self, url: str) -> None:
        # Typed by nobody: the library's own types are full of unknowns.
        self.pool: Any = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url(url),
            max_connections=CONNECTIONS,
            timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
        )
        self.ask_again_at = 0.0
        self._is_away = False

    async def ask(self, question: Callable[[], Awaitable[T]], instead: Callable[[], Awaitable[T]]) -> T:
        """Ask; where it does not answer, or did not a moment ago, ask `instead`. Both changes are told, once each."""
        if time.monotonic() < self.ask_again_at:
            return await instead()
        try:
            answer = await question()
        except (RedisError, OSError) as error:
            # Nobody is kept out because a counter is away, and a thief has a few attempts more.
            self.ask_again_at = time.monotonic() + AWAY
            if not self._is_away:
                log.warning("limits_lost", error=repr(error))
            self._is_away = True
            return await instead()
        if self._is_away:
            log.info("limits_back")
        self._is_away = False
        return answer

    async def close(self) -> None:
        await self.pool.disconnect()


def redis_url(url: str) -> str:
    """The URL as the library reads it, which knows Valkey by the name of Redis alone."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.replace('valkey', 'redis')}://{rest}"
