"""Sessions with their refresh tokens, and access tokens revoked before their time: tables, store and reader."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from db.base import Xid8, any_of, id_column, metadata, new_id, now, timestamp
from db.engine import Connection, Database
from db.identities import login_codes
from domain.tokens.model import RefreshToken

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    id_column(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # The session: all tokens that follow from one sign-in carry the id of the first.
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
    # Of an access token (`jti`), or of a session (`sid`).
    Column("id", Uuid, primary_key=True),
    # The transaction that revoked it, by which readers find what they do not know yet.
    Column("xid", Xid8, nullable=False, server_default=func.pg_current_xact_id(), index=True),
    timestamp("expires_at", default=False),
    timestamp("revoked_at"),
    Index("revoked_tokens_expires_at_idx", "expires_at"),
)

SINCE = text("""
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS floor, r.id, r.expires_at FROM (SELECT
  CASE WHEN given.xid <= pg_snapshot_xmax(pg_current_snapshot()) THEN given.xid ELSE '0' END AS xid
  FROM (SELECT CAST(CAST(:floor AS text) AS xid8) AS xid) AS given) AS known
LEFT JOIN revoked_tokens r ON r.xid >= known.xid AND r.expires_at > now()
""")
"""What was revoked by transactions that had not ended at the last look. A floor above every transaction was heard of in
another cluster, and counts as none."""


class SqlSessionStore:
    """Sessions and their refresh tokens by digest; the tokens themselves are never stored."""

    def __init__(self, connection: Connection, revoked: dict[UUID, datetime]) -> None:
        """What is revoked is noted in `revoked`, for this process to know once it is committed."""
        self._connection, self._revoked = connection, revoked

    async def add(self, user_id: UUID, digest: str, expires_at: datetime, session: UUID | None = None) -> UUID:
        token_id = new_id()
        session = session or token_id
        statement = insert(refresh_tokens).values(
            id=token_id, user_id=user_id, family=session, digest=digest, expires_at=expires_at
        )
        await self._connection.execute(statement)
        return session

    async def find(self, digest: str) -> RefreshToken | None:
        query = select(refresh_tokens).where(refresh_tokens.c.digest == digest)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return RefreshToken(row.id, row.user_id, row.family, row.expires_at, row.used_at, row.ended_at)

    async def use(self, token_id: UUID) -> None:
        used = update(refresh_tokens).where(refresh_tokens.c.id == token_id).values(used_at=now())
        await self._connection.execute(used)

    async def of_user(self, user_id: UUID) -> Sequence[UUID]:
        query = (
            select(refresh_tokens.c.family)
            .distinct()
            .where(
                refresh_tokens.c.user_id == user_id,
                refresh_tokens.c.ended_at.is_(None),
                refresh_tokens.c.expires_at > now(),
            )
        )
        return [row.family for row in (await self._connection.execute(query)).all()]

    async def end(self, sessions: Collection[UUID], until: datetime) -> None:
        if not sessions:
            return
        going = update(refresh_tokens).where(
            any_of(refresh_tokens.c.family, list(sessions)), refresh_tokens.c.ended_at.is_(None)
        )
        await self._connection.execute(going.values(ended_at=now()))
        await self._revoke(dict.fromkeys(sessions, until))

    async def forget_codes(self, user_id: UUID) -> None:
        await self._connection.execute(delete(login_codes).where(login_codes.c.user_id == user_id))

    async def revoke(self, token_id: UUID, until: datetime) -> None:
        await self._revoke({token_id: until})

    async def _revoke(self, ids: Mapping[UUID, datetime]) -> None:
        rows = [{"id": key, "expires_at": until} for key, until in ids.items()]
        await self._connection.execute(upsert(revoked_tokens).values(rows).on_conflict_do_nothing())
        self._revoked.update(ids)


class RevokedTokens:
    """What was revoked, for whoever keeps it in memory: each look asks for no more than is new."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._floor = "0"

    async def news(self) -> Mapping[UUID, datetime]:
        """The ids that were revoked since the last look, some of them perhaps again; at first, all."""
        floor, self._floor = self._floor, "0"
        # After a failure the next look asks for all: the database that is back may be another one.
        rows = await self._database.read(SINCE, {"floor": floor})
        self._floor = rows[0].floor
        return {row.id: row.expires_at for row in rows if row.id is not None}
