"""Requests to set a new password: the table, and the store for commands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.base import metadata, now, timestamp

password_resets = Table(
    "password_resets",
    metadata,
    # One for each user: a new request takes the place of the one before it.
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    timestamp("created_at"),
    timestamp("expires_at", default=False),
    Index("password_resets_expires_at_idx", "expires_at"),
)


class SqlPasswordResetStore:
    """Resets by the digest of their token; the tokens themselves are never stored."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, user_id: UUID, digest: str, expires_at: datetime) -> None:
        values = {"digest": digest, "created_at": now(), "expires_at": expires_at}
        statement = upsert(password_resets).values(user_id=user_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))

    async def is_open(self, digest: str) -> bool:
        mine = (password_resets.c.digest == digest) & (password_resets.c.expires_at > now())
        return (await self._connection.execute(select(password_resets.c.user_id).where(mine))).first() is not None

    async def spend(self, digest: str) -> UUID | None:
        mine = (password_resets.c.digest == digest) & (password_resets.c.expires_at > now())
        statement = delete(password_resets).where(mine).returning(password_resets.c.user_id)
        return (await self._connection.execute(statement)).scalar_one_or_none()

    async def drop(self, user_id: UUID) -> None:
        await self._connection.execute(delete(password_resets).where(password_resets.c.user_id == user_id))
