"""What the token commands need from the outside."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.tokens.model import RefreshToken
from domain.users.model import User
from domain.users.ports import UsersUnitOfWork


class TokenIssuer(Protocol):
    """Makes access tokens and refresh tokens."""

    lifetime: int
    """Seconds an access token is valid."""

    def access_token(self, user: User, session: UUID) -> str:
        """A signed JWT that vouches for the user, as long as the session is not ended."""
        ...

    def actor(self, access_token: str) -> Actor:
        """Whom an access token vouches for.

        Raises:
            Refused: UNAUTHENTICATED, it is malformed, expired, revoked, or signed by somebody else.
        """
        ...

    def last_end(self) -> datetime:
        """When the last access token that was issued until now has ended in every process."""
        ...

    def refresh_token(self) -> tuple[str, str, datetime]:
        """A new random refresh token, the digest to store in its place, and when it ends."""
        ...


class SessionStore(Protocol):
    """Sessions and their refresh tokens, by digest. A session is a sign-in and all tokens that follow from it.

    Whoever changes one holds the lock of its user (`UserStore.lock`), so that a session which is ended and one which
    is being given a new token cannot pass each other.
    """

    async def add(self, user_id: UUID, digest: str, expires_at: datetime, session: UUID | None = None) -> UUID:
        """Store a refresh token of a session, of a new one by default; returns the session."""
        ...

    async def find(self, digest: str) -> RefreshToken | None: ...

    async def use(self, token_id: UUID) -> None:
        """Note that a refresh token was traded."""
        ...

    async def of_user(self, user_id: UUID) -> Sequence[UUID]:
        """The sessions of a user that go on."""
        ...

    async def end(self, sessions: Collection[UUID], until: datetime) -> None:
        """End sessions: their refresh tokens now, and their access tokens, the last of which ends at `until`."""
        ...

    async def forget_codes(self, user_id: UUID) -> None:
        """Forget the codes of sign-ins with providers that were not traded yet, each of which would open a session."""
        ...

    async def revoke(self, token_id: UUID, until: datetime) -> None:
        """Revoke a single access token, which has ended at `until` anyway."""
        ...


class TokensUnitOfWork(UsersUnitOfWork, Protocol):
    """The transaction of a token command."""

    @property
    def sessions(self) -> SessionStore: ...
