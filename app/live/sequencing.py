"""Runs the sequencer of this process: at once after each commit here, and now and then for those who could not ask."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from db.event_sequencer import EventSequencer

log = structlog.get_logger("orderwire.live")

RETRY = 0.5
SWEEP = 60.0
"""Seconds between looks through the whole queue: a row that was restored into it can lie below the floor."""
RETENTION = 3600.0
"""Seconds between looks for events that are kept no longer."""


class Sequencing:
    """The background task; the same in every process."""

    on_news: Callable[[], None]
    """Called when events got their places."""

    def __init__(self, sequencer: EventSequencer, poll_seconds: float, keep_days: int) -> None:
        """`keep_days` is 0 where all events are kept."""
        self._sequencer, self._poll, self._keep_days = sequencer, poll_seconds, keep_days
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._swept = self._retained = time.monotonic()

    async def start(self) -> None:
        await self._sequencer.adopt()
        await self.settle()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def nudge(self) -> None:
        """A transaction with events has committed."""
        self._nudged.set()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._nudged.wait()
            # Before the step: who commits during it is not forgotten.
            self._nudged.clear()
            try:
                await self.settle()
                await self._keep_house()
            except Exception as error:
                # Events stay where they are until the database is back, which may then be another one.
                log.warning("sequencer_failed", error=repr(error))
                await asyncio.sleep(min(self._poll, RETRY))
                with suppress(Exception):
                    await self._sequencer.adopt()

    async def settle(self) -> None:
        """Give everything that is committed its place, and tell of it."""
        if await self._sequencer.drain():
            self.on_news()

    async def _keep_house(self) -> None:
        moment = time.monotonic()
        if moment - self._swept > SWEEP:
            self._swept = moment
            self._sequencer.forget()
        if self._keep_days and moment - self._retained > RETENTION:
            self._retained = moment
            await self._sequencer.retain(self._keep_days)
