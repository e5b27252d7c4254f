"""Keeps what this process knows of revoked tokens fresh, whatever becomes of the doorbell."""

import asyncio
import time
from datetime import UTC, datetime

import structlog

from app.background import Background
from db.tokens import RevokedTokens
from domain.tokens.revocations import Revocations

log = structlog.get_logger("orderwire.tokens")

LOOK = 0.5
"""Seconds between two looks: a token that is revoked in one process is refused in all of them within a second."""
FORGET = 60.0
"""Seconds between two times that what has ended is forgotten."""


class RevocationWatch:
    """The background task; the same in every process."""

    def __init__(self, revocations: Revocations, revoked: RevokedTokens) -> None:
        self._revocations, self._revoked = revocations, revoked
        self._background = Background()
        self._forgotten = time.monotonic()

    async def start(self) -> None:
        """Know all that is revoked, then follow."""
        self._revocations.add(await self._revoked.news())
        self._background.start(self._run())

    async def stop(self) -> None:
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                self._revocations.add(await self._revoked.news())
            except Exception as error:
                # What is known stands; what was revoked meanwhile is found when the database is back.
                log.warning("revocations_unreadable", error=repr(error))
            if time.monotonic() - self._forgotten > FORGET:
                self._forgotten = time.monotonic()
                self._revocations.forget(datetime.now(UTC))
