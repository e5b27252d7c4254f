"""Who is who at which provider, and what a sign-in leaves behind on its way: tables, and the stores for commands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, delete, func, insert, literal, select

from db.base import metadata, now, timestamp
from db.engine import Connection
from domain.identities.model import LoginAttempt, Profile

identities = Table(
    "identities",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # What the provider said when it was linked, for people who look into it.
    Column("email", Text),
    timestamp("linked_at"),
)

# Rows rather than a signed cookie: only a row can be taken once, by whichever process the browser comes back to.
login_attempts = Table(
    "login_attempts",
    metadata,
    Column("state", Text, primary_key=True),
    Column("browser", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("return_to", Text),
    timestamp("expires_at", default=False),
    Index("login_attempts_expires_at_idx", "expires_at"),
)

login_codes = Table(
    "login_codes",
    metadata,
    Column("code", Text, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("provider", Text, nullable=False),
    timestamp("expires_at", default=False),
    Index("login_codes_expires_at_idx", "expires_at"),
)


class SqlIdentityStore:
    """Identities by provider and subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, provider: str, subject: str) -> UUID | None:
        # A lock on a row that may not be there yet.
        who = func.hashtextextended(literal(f"identity {provider} {subject}"), 0)
        await self._connection.execute(select(func.pg_advisory_xact_lock(who)))
        known = (identities.c.provider == provider) & (identities.c.subject == subject)
        return (await self._connection.execute(select(identities.c.user_id).where(known))).scalar_one_or_none()

    async def link(self, user_id: UUID, profile: Profile) -> None:
        statement = insert(identities).values(
            provider=profile.provider, subject=profile.subject, user_id=user_id, email=profile.email
        )
        await self._connection.execute(statement)


class SqlLoginStore:
    """Attempts and codes, each of which is deleted by being taken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add_attempt(self, state: str, browser: str, attempt: LoginAttempt, expires_at: datetime) -> None:
        statement = insert(login_attempts).values(
            state=state,
            browser=browser,
            provider=attempt.provider,
            nonce=attempt.nonce,
            verifier=attempt.verifier,
            redirect_uri=attempt.redirect_uri,
            return_to=attempt.return_to,
            expires_at=expires_at,
        )
        await self._connection.execute(statement)

    async def take_attempt(self, state: str, browser: str, provider: str) -> LoginAttempt | None:
        # What another browser or another provider comes with does not use it up.
        mine = (login_attempts.c.state == state) & (login_attempts.c.browser == browser)
        mine &= (login_attempts.c.provider == provider) & (login_attempts.c.expires_at > now())
        row = (await self._connection.execute(delete(login_attempts).where(mine).returning(login_attempts))).first()
        return LoginAttempt(row.provider, row.nonce, row.verifier, row.redirect_uri, row.return_to) if row else None

    async def add_code(self, code: str, user_id: UUID, provider: str, expires_at: datetime) -> None:
        statement = insert(login_codes).values(code=code, user_id=user_id, provider=provider, expires_at=expires_at)
        await self._connection.execute(statement)

    async def find_code(self, code: str) -> UUID | None:
        query = select(login_codes.c.user_id).where(login_codes.c.code == code)
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def take_code(self, code: str) -> tuple[UUID, str] | None:
        mine = (login_codes.c.code == code) & (login_codes.c.expires_at > now())
        row = (await self._connection.execute(delete(login_codes).where(mine).returning(login_codes))).first()
        return (row.user_id, row.provider) if row else None
