"""The doorbell between processes: it says that there is news, and who rang, never what the news is.

A ring that is lost, doubled or late changes nothing but the delay, for whoever hears it reads the log, and reads it
now and then anyway. Every process gives a sign of life every two seconds, so that one that hears nothing knows its
broker is gone and connects anew: broadcaster itself does not notice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from uuid import uuid4

import structlog
from broadcaster import Broadcast, Event

from app.background import Background

log = structlog.get_logger("orderwire.live")

CHANNEL = "orderwire_news"
NEWS, ALIVE = "news", "alive"
KEEPALIVE = 2.0
RETRY = 0.5
GOODBYE = 1.0
"""Seconds that a broker is given to take leave; one that hangs is left alone."""


class Doorbell:
    """Rings for all processes, and hears when any of them rings."""

    def __init__(self, url: str, on_ring: Callable[[], None], keepalive: float = KEEPALIVE) -> None:
        """`url` is one of `memory://`, `postgresql://…`, `redis://…`; `on_ring` is called when there may be news.

        Three times `keepalive` seconds without a ring mean that the broker is gone.
        """
        self._url = url
        self._on_ring, self._keepalive = on_ring, keepalive
        self._own_news = f"{NEWS} {uuid4().hex}"
        self._news = asyncio.Event()
        self._is_connected = False
        self._answered = asyncio.Event()
        self._background = Background()

    @property
    def is_connected(self) -> bool:
        """Whether the broker was heard within the last seconds."""
        return self._is_connected

    async def start(self, patience: float = 5.0) -> None:
        """Connect, waiting at most `patience` seconds; where that fails, go on trying in the background."""
        self._background.start(self._run())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._answered.wait()

    async def stop(self) -> None:
        await self._background.stop()

    def ring(self) -> None:
        """Tell all processes soon that there is news. Many rings at once become one."""
        # Our own readers need no broker to know.
        self._on_ring()
        self._news.set()

    async def _run(self) -> None:
        # A broker's library may answer a cancellation with an error of its own; the flag does not get lost.
        while not self._background.is_stopping:
            try:
                await self._hold_connection()
            except Exception as error:
                log.warning("doorbell_lost", error=repr(error))
            finally:
                self._is_connected = False
                self._answered.set()
            await asyncio.sleep(RETRY)

    async def _hold_connection(self) -> None:
        broadcast = broker(self._url)
        try:
            async with asyncio.timeout(3 * self._keepalive):
                await broadcast.connect()
                subscription = broadcast.subscribe(CHANNEL)
                subscriber = await subscription.__aenter__()
            try:
                await _until_one_fails(self._publish(broadcast), self._listen(subscriber.get))
            finally:
                await _leave(subscription.__aexit__(None, None, None))
        finally:
            await _leave(broadcast.disconnect())

    async def _listen(self, heard: Callable[[], Awaitable[Event]]) -> None:
        while True:
            async with asyncio.timeout(3 * self._keepalive):
                message = (await heard()).message
            # Rings were missed before the connection stood. A sign of life alone is no reason to read, and our own
            # ring was heard before it was sent.
            if message not in {ALIVE, self._own_news} or not self.is_connected:
                self._on_ring()
            self._is_connected = True
            self._answered.set()

    async def _publish(self, broadcast: Broadcast) -> None:
        """The only publisher: PostgreSQL's backend has one connection, which carries one statement at a time."""
        while True:
            message = self._own_news if self._news.is_set() else ALIVE
            self._news.clear()
            await broadcast.publish(CHANNEL, message)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._keepalive):
                    await self._news.wait()


def broker(url: str) -> Broadcast:
    """The broker that a URL names, not connected yet."""
    scheme, _, rest = url.partition("://")
    if scheme in {"redis", "rediss", "valkey", "valkeys"}:
        # Imported here, for most servers have the database for their broker.
        from app.live.valkey import ValkeyBackend
        from app.valkey import redis_url

        return Broadcast(backend=ValkeyBackend(redis_url(url)))
    return Broadcast(f"{scheme.removesuffix('+asyncpg')}://{rest}")


async def _until_one_fails(*works: Coroutine[object, object, None]) -> None:
    """Run works side by side; when one fails, or we are told to stop, none goes on."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        for task in (await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))[0]:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _leave(goodbye: Awaitable[object]) -> None:
    """Take leave of a broker that may be gone: neither wait for it nor let its error hide why we leave."""
    try:
        async with asyncio.timeout(GOODBYE):
            await goodbye
    except Exception as error:
        log.debug("doorbell_goodbye", error=repr(error))
