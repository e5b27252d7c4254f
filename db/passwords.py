"""Requests to set a new password: the table, and the store for commands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, Table, Text, Uuid, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from db.base import metadata, now, timestamp
from db.engine import Connection

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

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, user_id: UUID, digest: str, expires_at: datetime) -> None:
        values = {"digest": digest, "created_at": now(), "expires_at": expires_at}
        statement = upsert(password_resets).values(user_id=user_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))

    async def find(self, digest: str) -> UUID | None:
        query = select(password_resets.c.user_id).where(_is_open(digest))
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def spend(self, digest: str) -> bool:
        statement = delete(password_resets).where(_is_open(digest)).returning(password_resets.c.user_id)
        return (await self._connection.execute(statement)).first() is not None

    async def drop(self, user_id: UUID) -> None:
        await self._connection.execute(delete(password_resets).where(password_resets.c.user_id == user_id))


def _is_open(digest: str) -> ColumnElement[bool]:
    return (password_resets.c.digest == digest) & (password_resets.c.expires_at > now())
