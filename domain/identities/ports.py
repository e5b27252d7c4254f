"""What the commands of identities need from the outside."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.identities.model import LoginAttempt, Profile
from domain.tokens.ports import TokensUnitOfWork


class IdentityStore(Protocol):
    """Who is who at which provider."""

    async def find(self, provider: str, subject: str) -> UUID | None:
        """The key of the user whom a provider means.

        Whoever else asks for the same person waits until the end of the transaction, so that nobody is made twice.
        """
        ...

    async def link(self, user_id: UUID, profile: Profile) -> None: ...


class LoginStore(Protocol):
    """What a sign-in leaves behind on its way, for minutes and to be taken once. Secrets are kept as digests."""

    async def add_attempt(self, state: str, browser: str, attempt: LoginAttempt, expires_at: datetime) -> None: ...

    async def take_attempt(self, state: str, browser: str, provider: str) -> LoginAttempt | None:
        """The attempt, for the first who asks in time, from the same browser; to all others None."""
        ...

    async def add_code(self, code: str, user_id: UUID, provider: str, expires_at: datetime) -> None: ...

    async def find_code(self, code: str) -> UUID | None:
        """Whom a code signs in, without taking it."""
        ...

    async def take_code(self, code: str) -> tuple[UUID, str] | None:
        """Whom a code signs in, and by which provider; for the first who asks in time, to all others None."""
        ...


class IdentitiesUnitOfWork(TokensUnitOfWork, Protocol):
    """The transaction of a sign-in with a provider."""

    @property
    def identities(self) -> IdentityStore: ...

    @property
    def logins(self) -> LoginStore: ...
