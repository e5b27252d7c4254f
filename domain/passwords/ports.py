"""What the password commands need from the outside."""

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.tokens.ports import TokensUnitOfWork


@dataclass(frozen=True, slots=True)
class Mail:
    """A text for one address. It may hold a secret, and is for nobody else to read."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Hand it to the mail server. A mail that cannot be sent is a line in the log, and no error."""
        ...


class ResetTokens(Protocol):
    """Makes the tokens by which a password is reset."""

    minutes: int
    """How long one is valid."""

    def make(self) -> tuple[str, str, datetime]:
        """A new random token, the digest to store in its place, and when it ends."""
        ...

    def way_in(self, token: str) -> str:
        """What a mail holds: the address of the shop's page with the token, or the token where there is no page."""
        ...


class Later(Protocol):
    """Does work after the answer."""

    def __call__(self, work: Coroutine[object, object, None]) -> None:
        """Begin soon, and wait for nothing. A fault is logged.

        Raises:
            Refused: BUSY, too much is to be done already.
        """
        ...


class PasswordResetStore(Protocol):
    """Resets by digest; each user has one at most."""

    async def put(self, user_id: UUID, digest: str, expires_at: datetime) -> None:
        """Store one in place of the one before it."""
        ...

    async def find(self, digest: str) -> UUID | None:
        """The user of one that has not ended."""
        ...

    async def spend(self, digest: str) -> bool:
        """Use one up; False if it is unknown, used or has ended."""
        ...

    async def drop(self, user_id: UUID) -> None:
        """Forget the one of a user."""
        ...


class PasswordsUnitOfWork(TokensUnitOfWork, Protocol):
    """The transaction of a password command."""

    @property
    def password_resets(self) -> PasswordResetStore: ...
