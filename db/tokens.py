"""Refresh tokens, and access tokens revoked before their time: tables, and the store for commands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.base import id_column, metadata, new_id, now, timestamp

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    id_column(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # All tokens that follow from one sign-in carry the id of the first.
    Column("family", Uuid, nullable=False, index=True),
    Column("digest", Text, nullable=False, unique=True),
    timestamp("created_at"),
    timestamp("expires_at", default=False),
    timestamp("used_at", nullable=True),
    timestamp("ended_at", nullable=True),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", Uuid, primary_key=True),
    timestamp("expires_at", default=False),
    timestamp("revoked_at"),
    Index("revoked_tokens_expires_at_idx", "expires_at"),
)


class SqlRefreshTokenStore:
    """Refresh tokens by digest; the tokens themselves are never stored."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, user_id: UUID, digest: str, expires_at: datetime, family: UUID | None) -> UUID:
        token_id = new_id()
        family = family or token_id
        statement = insert(refresh_tokens).values(
            id=token_id, user_id=user_id, family=family, digest=digest, expires_at=expires_at
        )
        await self._connection.execute(statement)
        return family

    async def spend(self, digest: str) -> tuple[UUID, UUID] | None:
        mine = refresh_tokens.c.digest == digest
        family_of = select(refresh_tokens.c.family).where(mine).scalar_subquery()
        # The first token of the family is the lock of all: whoever ends the family must not miss a token that
        # somebody else is just being given.
        first = select(refresh_tokens.c.id).where(refresh_tokens.c.id == family_of).with_for_update()
        if (await self._connection.execute(first)).first() is None:
            return None
        token = (await self._connection.execute(select(refresh_tokens).where(mine))).one()
        moment = now()
        if token.used_at is not None:
            family = update(refresh_tokens).where(refresh_tokens.c.family == token.family)
            await self._connection.execute(family.values(ended_at=moment))
            return None
        if token.ended_at is not None or token.expires_at <= moment:
            return None
        used = update(refresh_tokens).where(refresh_tokens.c.id == token.id).values(used_at=moment)
        await self._connection.execute(used)
        return token.user_id, token.family
