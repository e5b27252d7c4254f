"""Roles and who holds them: tables, the store for commands, the reader for queries.

What follows from the roles of a user is told in db/users.py.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Table,
    Text,
    Uuid,
    delete,
    false,
    func,
    insert,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.base import metadata, timestamp
from db.engine import Connection, Database
from db.statements import Row
from domain.actor import Actor, Scope
from domain.roles.model import Role, in_order

KNOWN = ", ".join(f"'{scope}'" for scope in Scope)

roles = Table(
    "roles",
    metadata,
    Column("name", Text, CheckConstraint("name ~ '^[a-z][a-z0-9-]{0,39}$'", name="name"), primary_key=True),
    Column("description", Text, nullable=False),
    Column(
        "scopes",
        ARRAY(Text),
        CheckConstraint(f"scopes <@ ARRAY[{KNOWN}]", name="scopes"),
        nullable=False,
        server_default=text("'{}'"),
    ),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, ForeignKey("roles.name"), primary_key=True, index=True),
    Column("granted_by", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    timestamp("granted_at"),
    Index("user_roles_granted_by_idx", "granted_by", postgresql_where=text("granted_by IS NOT NULL")),
)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says who may see what roles there are: whoever may see users."""
    return true() if viewer.has(Scope.USERS_READ) else false()


def to_role(row: Row) -> Role:
    return Role(row.name, row.description, in_order(row.scopes))


class RoleReader:
    """Roles, for those who may see users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, viewer: Actor) -> Sequence[Role]:
        query = select(roles).where(visible_to(viewer)).order_by(roles.c.name)
        return [to_role(row) for row in await self._database.read(query)]


class SqlRoleStore:
    """Roles and who holds them, for commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, name: str) -> Role | None:
        # A registration refers to the role as well, and need not wait.
        query = select(roles).where(roles.c.name == name).with_for_update(key_share=True)
        row = (await self._connection.execute(query)).one_or_none()
        return to_role(row) if row else None

    async def holders(self, name: str) -> int:
        query = select(func.count()).select_from(user_roles).where(user_roles.c.role == name)
        return (await self._connection.execute(query)).scalar_one()

    async def grant(self, user_id: UUID, name: str, granted_by: UUID | None) -> None:
        await self._connection.execute(insert(user_roles).values(user_id=user_id, role=name, granted_by=granted_by))

    async def revoke(self, user_id: UUID, name: str) -> None:
        held = user_roles.c.user_id == user_id, user_roles.c.role == name
        await self._connection.execute(delete(user_roles).where(*held))
