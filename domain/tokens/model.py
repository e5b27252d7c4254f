"""What a sign-in hands out, and what is known of it afterwards."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.users.model import User
from domain.value import value


@value
class Tokens:
    """What a sign-in hands out. `expires_in` is the life of the access token in seconds.

    A machine gets no refresh token: it has its secret to come back with.
    """

    access_token: str
    refresh_token: str | None
    expires_in: int
    user: User


@value
class RefreshToken:
    """A refresh token as it is stored: its digest, and what became of it."""

    id: UUID
    user_id: UUID
    session: UUID
    expires_at: datetime
    used_at: datetime | None
    ended_at: datetime | None

    @property
    def is_reused(self) -> bool:
        """Whether it was traded before, so that whoever brings it now holds a copy."""
        return self.used_at is not None and self.ended_at is None

    def is_active(self, moment: datetime) -> bool:
        """Whether it can be traded."""
        return self.used_at is None and self.ended_at is None and self.expires_at > moment


class TokenKind(StrEnum):
    """The two kinds of tokens."""

    ACCESS = "ACCESS"
    REFRESH = "REFRESH"


@value
class TokenFacts:
    """What an active token stands for."""

    kind: TokenKind
    token_id: UUID
    session: UUID
    user_id: UUID
    username: str
    scopes: tuple[str, ...]
    expires_at: datetime
