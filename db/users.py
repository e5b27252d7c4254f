"""Users: the table, the store for commands, the reader for queries."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Row,
    Table,
    Text,
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
from sqlalchemy.ext.asyncio import AsyncConnection

from db.base import id_column, metadata, new_id, now, timestamp
from db.reading import TableReader, violated
from domain.actor import Actor, Scope
from domain.refusals import ErrorCode, Refusal, Refused
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
    Column("is_admin", Boolean, nullable=False, server_default=false()),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # The sequence of the user's last event; the first one is the registration.
    Column("version", BigInteger, nullable=False, server_default=text("1")),
    timestamp("created_at"),
    timestamp("last_login_at", nullable=True),
    Index("users_username_key", func.lower(text("username")), unique=True),
    Index("users_email_key", func.lower(text("email")), unique=True),
    Index("users_created_at_idx", "created_at", "id"),
)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says which users a viewer may see."""
    if viewer.has(Scope.USERS_READ):
        return true()
    return users.c.id == viewer.user_id if viewer.user_id else false()


def to_user(row: Row[tuple[object, ...]]) -> User:
    return User(
        row.id,
        row.username,
        row.email,
        row.is_admin,
        tuple(row.scopes),
        row.created_at,
        row.last_login_at,
        row.email_verified_at,
    )


class UserReader(TableReader[User]):
    """Users that the viewer may see."""

    table = users
    sorts = {"CREATED_AT": users.c.created_at, "USERNAME": users.c.username}
    filters = {"username": users.c.username, "is_admin": users.c.is_admin, "created_at": users.c.created_at}

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row[tuple[object, ...]]) -> User:
        return to_user(row)


class SqlUserStore:
    """Users, for commands."""

    def __init__(self, connection: AsyncConnection) -> None:
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
        granted = [scope.value for scope in Scope] if is_admin else list(scopes)
        statement = insert(users).values(
            id=new_id(),
            username=username,
            email=email,
            password_hash=password_hash,
            is_admin=is_admin,
            scopes=granted,
        )
        try:
            async with self._connection.begin_nested():
                result = await self._connection.execute(statement.returning(users))
        except IntegrityError as error:
            raise _taken(error) from error
        return to_user(result.one())

    async def credentials(self, username: str) -> Credentials | None:
        matches = func.lower(users.c.username) == username.lower()
        row = (await self._connection.execute(select(users).where(matches))).one_or_none()
        return Credentials(to_user(row), row.password_hash) if row else None

    async def get(self, user_id: UUID) -> User | None:
        row = (await self._connection.execute(select(users).where(users.c.id == user_id))).one_or_none()
        return to_user(row) if row else None

    async def of_email(self, email: str) -> User | None:
        matches = func.lower(users.c.email) == func.lower(email)
        row = (await self._connection.execute(select(users).where(matches))).one_or_none()
        return to_user(row) if row else None

    async def lock(self, user_id: UUID) -> User | None:
        # Not against those who refer to the user, such as their orders.
        query = select(users).where(users.c.id == user_id).with_for_update(key_share=True)
        row = (await self._connection.execute(query)).one_or_none()
        return to_user(row) if row else None

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
        statement = update(users).where(users.c.id == user_id).values(last_login_at=now())
        return to_user((await self._connection.execute(statement.returning(users))).one())


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
