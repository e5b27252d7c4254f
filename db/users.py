"""Users and refresh tokens: tables, the stores for commands, the reader for queries."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Row,
    Table,
    Text,
    Uuid,
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
    Column("password_hash", Text, nullable=False),
    Column("is_admin", Boolean, nullable=False, server_default=false()),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    timestamp("created_at"),
    timestamp("last_login_at", nullable=True),
    Index("users_username_key", func.lower(text("username")), unique=True),
    Index("users_email_key", func.lower(text("email")), unique=True),
    Index("users_created_at_idx", "created_at", "id"),
)

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

    async def add(self, username: str, email: str | None, password_hash: str, *, is_admin: bool) -> User:
        scopes = [scope.value for scope in Scope] if is_admin else []
        statement = insert(users).values(
            id=new_id(),
            username=username,
            email=email,
            password_hash=password_hash,
            is_admin=is_admin,
            scopes=scopes,
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

    async def logged_in(self, user_id: UUID) -> User:
        statement = update(users).where(users.c.id == user_id).values(last_login_at=now())
        return to_user((await self._connection.execute(statement.returning(users))).one())


class SqlRefreshTokenStore:
    """Refresh tokens by digest; the tokens themselves are never stored."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, user_id: UUID, digest: str, expires_at: datetime, family: UUID | None) -> None:
        token_id = new_id()
        statement = insert(refresh_tokens).values(
            id=token_id, user_id=user_id, family=family or token_id, digest=digest, expires_at=expires_at
        )
        await self._connection.execute(statement)

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
