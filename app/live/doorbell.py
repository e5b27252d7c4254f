"""The doorbell between processes: it says that there is news, never what the news is.

A ring that is lost, doubled or late changes nothing but the delay, for whoever hears it reads the log, and reads it
now and then anyway. Every process rings every two seconds, so that one that hears nothing knows its broker is gone
and connects anew: broadcaster itself does not notice.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from broadcaster import Broadcast

log = structlog.get_logger("orderwire.live")

CHANNEL = "orderwire_news"
KEEPALIVE = 2.0
SILENCE = 3 * KEEPALIVE
RETRY = 0.5


class Doorbell:
    """Rings for all processes, and hears when any of them rings."""

    def __init__(self, url: str, on_ring: Callable[[], None]) -> None:
        """`url` is one of `memory://`, `postgresql://…`, `redis://…`; `on_ring` is called when there may be news."""
        self._url = f"redis{url.removeprefix('valkey')}" if url.startswith("valkey") else url
        self._on_ring = on_ring
        self._news = asyncio.Event()
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the broker was heard within the last seconds."""
        return self._connected.is_set()

    async def start(self, patience: float = 5.0) -> None:
        """Connect, and wait for the broker at most `patience` seconds; after that, go on trying in the background."""
        self._task = asyncio.create_task(self._run())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._connected.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def ring(self) -> None:
        """Tell all processes soon that there is news. Many rings at once become one."""
        # Our own readers need no broker to know.
        self._on_ring()
        self._news.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._hold_connection()
            except Exception as error:
                log.warning("doorbell_lost", error=repr(error))
            finally:
                self._connected.clear()
            await asyncio.sleep(RETRY)

    async def _hold_connection(self) -> None:
        async with Broadcast(self._url) as broadcast, broadcast.subscribe(CHANNEL) as subscriber:
            publisher = asyncio.create_task(self._publish(broadcast))
            try:
                while True:
                    async with asyncio.timeout(SILENCE):
                        await subscriber.get()
                    self._connected.set()
                    self._on_ring()
                    if publisher.done():
                        publisher.result()
            finally:
                publisher.cancel()

    async def _publish(self, broadcast: Broadcast) -> None:
        """The only publisher: PostgreSQL's backend has one connection, which carries one statement at a time."""
        while True:
            self._news.clear()
            await broadcast.publish(CHANNEL, "news")
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEPALIVE):
                    await self._news.wait()
