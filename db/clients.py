"""Machine clients: the table, and the store for commands."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Row, Select, Table, Text, Uuid, insert, select, update

from db.base import id_column, metadata, new_id, now, timestamp
from db.engine import Connection
from db.users import users
from domain.clients.model import Client

clients = Table(
    "clients",
    metadata,
    id_column(),
    # Whom it acts as; the name of that user is the `client_id`.
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("secret_digest", Text, nullable=False),
    timestamp("created_at"),
    timestamp("revoked_at", nullable=True),
)


class SqlClientStore:
    """Clients, for commands; their secrets are never stored."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, user_id: UUID, name: str, secret_digest: str) -> None:
        values = {"id": new_id(), "user_id": user_id, "name": name, "secret_digest": secret_digest}
        await self._connection.execute(insert(clients).values(values))

    async def find(self, client_id: str) -> Client | None:
        row = (await self._connection.execute(_select().where(users.c.username == client_id))).one_or_none()
        return _to_client(row) if row else None

    async def all(self) -> Sequence[Client]:
        return [_to_client(row) for row in (await self._connection.execute(_select().order_by(clients.c.id))).all()]

    async def revoke(self, user_id: UUID) -> None:
        statement = update(clients).where(clients.c.user_id == user_id).values(revoked_at=now())
        await self._connection.execute(statement)


def _select() -> Select[tuple[object, ...]]:
    return select(clients, users.c.username, users.c.scopes).join(users, users.c.id == clients.c.user_id)


def _to_client(row: Row[tuple[object, ...]]) -> Client:
    return Client(
        row.username, row.user_id, row.name, tuple(row.scopes), row.secret_digest, row.created_at, row.revoked_at
    )
