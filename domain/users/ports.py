"""What the user commands need from the outside."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.reading import Reader
from domain.unit_of_work import UnitOfWork
from domain.users.model import Credentials, User


class PasswordHasher(Protocol):
    """Hashes and checks passwords without blocking the event loop."""

    async def hash(self, password: str) -> str:
        """A salted hash that carries its own parameters."""
        ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether they match. None (no such user) takes as long as a real check and is False."""
        ...


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


class UserStore(Protocol):
    """Users, for commands."""

    async def add(self, username: str, email: str | None, password_hash: str, *, is_admin: bool) -> User:
        """Store a new user.

        Raises:
            Refused: the username (regardless of case) or the e-mail address is taken.
        """
        ...

    async def credentials(self, username: str) -> Credentials | None:
        """The user of that name, regardless of case, with the password hash."""
        ...

    async def get(self, user_id: UUID) -> User | None: ...

    async def logged_in(self, user_id: UUID) -> User:
        """Note the time of a successful sign-in and return the user."""
        ...


class RefreshTokenStore(Protocol):
    """Refresh tokens by digest. Tokens that follow from one sign-in form a family."""

    async def add(self, user_id: UUID, digest: str, expires_at: datetime, family: UUID | None) -> None: ...

    async def spend(self, digest: str) -> tuple[UUID, UUID] | None:
        """Use a token up and return (user id, family); None if it is unknown, expired or ended.

        A token that was used up before ends its whole family: somebody else holds a copy.
        """
        ...


class UsersUnitOfWork(UnitOfWork, Protocol):
    """The transaction of a user command."""

    @property
    def users(self) -> UserStore: ...

    @property
    def refresh_tokens(self) -> RefreshTokenStore: ...


UserReader = Reader[User]
