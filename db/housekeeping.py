"""Forgets what has had its day."""

from datetime import datetime

from sqlalchemy import delete, exists

from db.base import now
from db.engine import Database
from db.identities import login_attempts, login_codes
from db.passwords import password_resets
from db.tokens import refresh_tokens, revoked_tokens
from db.unit_of_work import idempotency_keys


class Housekeeping:
    """Deletes rows that nobody needs any more. Several processes may do it at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_idempotency_keys(self, before: datetime) -> None:
        """Forget the keys that are older than a moment."""
        await self._database.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before))

    async def forget_refresh_tokens(self) -> None:
        """Forget sessions of which every token has expired.

        A single token that has expired stays: a used one that comes again tells of theft.
        """
        other = refresh_tokens.alias()
        is_alive = exists().where(other.c.family == refresh_tokens.c.family, other.c.expires_at > now())
        await self._database.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now(), ~is_alive))

    async def forget_revoked_tokens(self) -> None:
        """Forget the revoked tokens and sessions whose access tokens have all expired."""
        await self._database.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at <= now()))

    async def forget_password_resets(self) -> None:
        """Forget the resets that nobody made use of in time."""
        await self._database.execute(delete(password_resets).where(password_resets.c.expires_at <= now()))

    async def forget_logins(self) -> None:
        """Forget the sign-ins with providers that nobody came back from in time."""
        for table in (login_attempts, login_codes):
            await self._database.execute(delete(table).where(table.c.expires_at <= now()))
