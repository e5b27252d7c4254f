"""Runs the sequencer of this process: at once after each commit here, and now and then for those who could not ask."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from app.background import Background
from db.event_sequencer import EventSequencer

log = structlog.get_logger("orderwire.live")

RETRY = 0.5
PAUSE = 0.01
"""Seconds between two steps: what commits meanwhile shares a step, a ring and a read of the log. After a quiet moment
an event has its place at once."""
SWEEP = 60.0
"""Seconds between looks through the whole queue: a row that was restored into it can lie below the floor."""


class Sequencing:
    """The background task; the same in every process."""

    on_news: Callable[[], None]
    """Called when events got their places."""

    def __init__(self, sequencer: EventSequencer, poll_seconds: float) -> None:
        """Whoever could not nudge waits for `poll_seconds` at most."""
        self._sequencer, self._poll = sequencer, poll_seconds
        self._nudged = asyncio.Event()
        self._background = Background()
        self._may_be_other = True
        self._swept = time.monotonic()

    async def start(self) -> None:
        await self.settle()
        self._background.start(self._run())

    async def stop(self) -> None:
        await self._background.stop()

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
                self._sweep()
                await asyncio.sleep(PAUSE)
            except Exception as error:
                # Events stay where they are until the database is back.
                log.warning("sequencer_failed", error=repr(error))
                await asyncio.sleep(min(self._poll, RETRY))
                self._nudged.set()

    async def settle(self) -> None:
        """Give everything that is committed its place, and tell of it."""
        if self._may_be_other:
            await self._sequencer.adopt()
            self._may_be_other = False
        try:
            moved = await self._sequencer.drain()
        except Exception:
            # When the database is back, it may be another one.
            self._may_be_other = True
            raise
        if moved:
            self.on_news()

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP:
            self._swept = time.monotonic()
            self._sequencer.forget()
