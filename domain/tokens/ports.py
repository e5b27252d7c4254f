"""What the token commands need from the outside."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.users.model import User
from domain.users.ports import UsersUnitOfWork


class TokenIssuer(Protocol):
    """Makes access tokens and refresh tokens."""

    lifetime: int
    """Seconds an access token is valid."""

    def access_token(self, user: User) -> str:
        """A signed JWT that vouches for the user."""
        ...

    def actor(self, access_token: str) -> Actor:
        """Whom an access token vouches for.

        Raises:
            Refused: UNAUTHENTICATED, it is malformed, expired, or signed by somebody else.
        """
        ...

    def refresh_token(self) -> tuple[str, str, datetime]:
        """A new random refresh token, the digest to store in its place, and when it ends."""
        ...

    def digest(self, refresh_token: str) -> str:
        """The digest under which a refresh token is stored."""
        ...


class RefreshTokenStore(Protocol):
    """Refresh tokens by digest. Tokens that follow from one sign-in form a family."""

    async def add(self, user_id: UUID, digest: str, expires_at: datetime, family: UUID | None) -> UUID:
        """Store a token; without a family it is the first of a new one. Returns the family."""
        ...

    async def spend(self, digest: str) -> tuple[UUID, UUID] | None:
        """Use a token up and return (user id, family); None if it is unknown, expired or ended.

        A token that was used up before ends its whole family: somebody else holds a copy.
        """
        ...


class TokensUnitOfWork(UsersUnitOfWork, Protocol):
    """The transaction of a token command."""

    @property
    def refresh_tokens(self) -> RefreshTokenStore: ...
