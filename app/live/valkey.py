"""The doorbell's way to Redis and Valkey.

broadcaster brings one of its own, which does not hear anything with this version of redis: its listener wakes before
the subscription is made, finds none, and sleeps again for ever.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from broadcaster import BroadcastBackend, Event
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import RedisError

PATIENCE = 2.0
"""Seconds that a command may take."""


class ValkeyBackend(BroadcastBackend):
    """One connection to speak, one to listen. Neither tries anything twice: the doorbell does."""

    def __init__(self, url: str) -> None:
        # Typed by nobody: the library's own types are full of unknowns.
        self._client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
        )
        self._ears: Any = self._client.pubsub()
        self._is_listening = asyncio.Event()

    async def connect(self) -> None:
        try:
            await _whole(self._client.ping())
        except BaseException:
            # Who has not connected is not asked to disconnect.
            await _whole(self.disconnect())
            raise

    async def disconnect(self) -> None:
        await self._ears.aclose()
        await self._client.aclose()

    async def subscribe(self, group: str) -> None:
        await _whole(self._ears.subscribe(group))
        # What is said on the other connection before this one is confirmed would not be heard.
        if await _whole(self._ears.get_message(timeout=PATIENCE)) is None:
            raise LostError("The subscription was not confirmed.")
        self._is_listening.set()

    async def unsubscribe(self, group: str) -> None:
        await _whole(self._ears.unsubscribe(group))

    async def publish(self, channel: str, message: Any) -> None:
        await _whole(self._client.publish(channel, message))

    async def next_published(self) -> Event:
        await self._is_listening.wait()
        try:
            while True:
                message = await self._ears.get_message(timeout=None)
                if message is not None and message["type"] == "message":
                    return Event(message["channel"], message["data"])
        except (RedisError, OSError):
            # Whoever speaks notices the same, and ends the connection; this task must live until then.
            await asyncio.Event().wait()
            raise


async def _whole(command: Awaitable[Any]) -> Any:
    """Run a command to its end. Cancelled in the middle, redis may lose the connection, or the cancellation.

    A time that is up and a server that stops may both cancel, so one cancellation is not the last.
    """
    task = asyncio.ensure_future(command)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        await asyncio.gather(task, return_exceptions=True)
        raise cancelled
    return task.result()
