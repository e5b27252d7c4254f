"""Users: the table, what follows from their roles, the store for commands, the reader for queries."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Select,
    Table,
    Text,
    exists,
    false,
    func,
    insert,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from db.base import id_column, metadata, new_id, now, search_index, timestamp
from db.engine import Transaction
from db.reading import TableReader, compared, violated
from db.roles import roles, user_roles
from db.sheets import Sheet, Sheets
from db.statements import Row
from domain.actor import Actor, Scope
from domain.reading import Filters
from domain.refusals import ErrorCode, Refusal, Refused
from domain.roles.model import ADMIN, CUSTOMER, in_order
from domain.users.model import Credentials, User

users = Table(
    "users",
    metadata,
    id_column(),
    Column("username", Text, CheckConstraint("username ~ '^[A-Za-z0-9]{4,20}$'", name="username"), nullable=False),
    Column("email", Text),
    # When mail to the address was proved to reach the user: only then is it told by that address who they are.
    timestamp("email_verified_at", nullable=True),
    # Empty for those who cannot sign in by password.
    Column("password_hash", Text),
    # Rights that were granted directly, as machines are, beside those that follow from roles.
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # The sequence of the user's last event; the first one is the registration.
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    timestamp("created_at"),
    timestamp("last_login_at", nullable=True),
    Index("users_username_key", func.lower(text("username")), unique=True),
    Index("users_email_key", func.lower(text("email")), unique=True),
    Index("users_created_at_idx", "created_at", "id"),
    search_index("users", "username"),
)


_HELD = user_roles.c.user_id == users.c.id

ROLES = select(func.array_agg(user_roles.c.role)).where(_HELD).correlate(users).scalar_subquery()
_scope = func.unnest(roles.c.scopes).table_valued("scope", name="granted").render_derived()
ROLE_SCOPES = (
    select(func.array_agg(_scope.c.scope))
    .select_from(user_roles.join(roles).join(_scope, true()))
    .where(_HELD)
    .correlate(users)
    .scalar_subquery()
)
WHOLE = (users, ROLES.label("roles"), ROLE_SCOPES.label("role_scopes"))
"""A user with what follows from their roles, in whatever returns one."""

IS_ADMIN = exists().where(_HELD, user_roles.c.role == ADMIN)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says which users a viewer may see."""
    if viewer.has(Scope.USERS_READ):
        return true()
    return users.c.id == viewer.user_id if viewer.user_id else false()


SHEETS: Sheets = {
    "user": Sheet(
        users.c.id,
        lambda viewer: select(users).where(visible_to(viewer)),
        secret=frozenset({"password_hash", "scopes"}),
    ),
}


def to_user(row: Row) -> User:
    """The user in a row of WHOLE: the one place that says which rights follow from what."""
    return User(
        row.id,
        row.username,
        row.email,
        tuple(sorted(row.roles or ())),
        in_order((*row.scopes, *(row.role_scopes or ()))),
        row.created_at,
        row.last_login_at,
        row.email_verified_at,
    )


class UserReader(TableReader[User]):
    """Users that the viewer may see."""

    table = users
    sorts = {"CREATED_AT": users.c.created_at, "USERNAME": users.c.username}
    filters = {"username": users.c.username, "is_admin": IS_ADMIN, "created_at": users.c.created_at}

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def select(self, viewer: Actor) -> Select[Any]:
        return super().select(viewer).add_columns(*WHOLE[1:])

    def conditions(self, viewer: Actor, filters: Filters) -> list[ColumnElement[bool]]:
        conditions = super().conditions(viewer, filters)
        if "role" in filters:
            conditions.append(exists().where(_HELD, *compared(user_roles.c.role, filters["role"])))
        return conditions

    def build(self, row: Row) -> User:
        return to_user(row)


class SqlUserStore:
    """Users, for commands."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(
        self,
        username: str,
        email: str | None,
        password_hash: str | None,
        *,
        is_admin: bool = False,
        scopes: Collection[str] = (),
    ) -> User:
        key = new_id()
        values = {"id": key, "username": username, "email": email, "password_hash": password_hash}
        statement = insert(users).values(**values, scopes=list(scopes))
        try:
            async with self._connection.savepoint():
                await self._connection.execute(statement)
        except IntegrityError as error:
            raise _taken(error) from error
        if not scopes:
            role = ADMIN if is_admin else CUSTOMER
            await self._connection.execute(insert(user_roles).values(user_id=key, role=role))
        return to_user((await self._connection.execute(select(*WHOLE).where(users.c.id == key))).one())

    async def credentials(self, username: str) -> Credentials | None:
        matches = func.lower(users.c.username) == username.lower()
        row = (await self._connection.execute(select(*WHOLE).where(matches))).one_or_none()
        return Credentials(to_user(row), row.password_hash) if row else None

    async def get(self, user_id: UUID) -> User | None:
        row = (await self._connection.execute(select(*WHOLE).where(users.c.id == user_id))).one_or_none()
        return to_user(row) if row else None

    async def of_email(self, email: str) -> User | None:
        # As a name above: attempts are counted under the same letters, and none may stand for those of another.
        matches = func.lower(users.c.email) == email.lower()
        row = (await self._connection.execute(select(*WHOLE).where(matches))).one_or_none()
        return to_user(row) if row else None

    async def lock(self, user_id: UUID, viewer: Actor | None = None) -> User | None:
        visible = true() if viewer is None else visible_to(viewer)
        # Not against those who refer to the user, such as their orders.
        query = select(users.c.id).where(users.c.id == user_id, visible).with_for_update(key_share=True)
        # Read only when the lock is had: what a user holds stands in other rows than the locked one.
        return await self.get(user_id) if (await self._connection.execute(query)).first() else None

    async def set_password(self, user_id: UUID, password_hash: str, *, instead_of: str | None = None) -> bool:
        statement = update(users).where(users.c.id == user_id).values(password_hash=password_hash)
        if instead_of is not None:
            statement = statement.where(users.c.password_hash == instead_of)
        return (await self._connection.execute(statement.returning(users.c.id))).first() is not None

    async def verify_email(self, user_id: UUID) -> None:
        unproved = (users.c.id == user_id) & users.c.email_verified_at.is_(None)
        await self._connection.execute(update(users).where(unproved).values(email_verified_at=now()))

    async def next_version(self, user_id: UUID) -> int:
        statement = update(users).where(users.c.id == user_id).values(version=users.c.version + 1)
        return (await self._connection.execute(statement.returning(users.c.version))).scalar_one()

    async def logged_in(self, user_id: UUID) -> User:
        await self._connection.execute(update(users).where(users.c.id == user_id).values(last_login_at=now()))
        # Not by RETURNING: where the statement waited for whoever changes the user, it tells the roles of before.
        return to_user((await self._connection.execute(select(*WHOLE).where(users.c.id == user_id))).one())


def _taken(error: IntegrityError) -> Exception:
    match violated(error):
        case "users_username_key":
            message = "This username is taken."
            return Refused(Refusal(ErrorCode.USERNAME_TAKEN, message, ("input", "username")))
        case "users_email_key":
            message = "This e-mail address is taken."
            return Refused(Refusal(ErrorCode.EMAIL_TAKEN, message, ("input", "email")))
        case _:
            return error
