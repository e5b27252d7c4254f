"""Keeps the roll-ups of the reports short: adds to them, every few seconds, what the shop's changes have noted."""

import asyncio

import structlog

from app.background import Background
from db.engine import Database
from db.sales import fold

log = structlog.get_logger("orderwire.reports")

INTERVAL = 2.0
"""Seconds. Reports read what is not yet added, too: they are right at all times, and slower the more it is."""


class RollUps:
    """The background task; the same in every process, and one of them does the work."""

    def __init__(self, database: Database, interval: float = INTERVAL) -> None:
        self._database, self._interval = database, interval
        self._background = Background()

    def start(self) -> None:
        self._background.start(self._run())

    async def stop(self) -> None:
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await fold(self._database)
            except Exception as error:
                # The database may be away for a while; what was noted stays.
                log.warning("roll_ups_wait", error=repr(error))
