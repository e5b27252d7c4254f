"""What sign-in answers."""

from datetime import datetime

import strawberry

from domain.tokens.model import TokenKind
from graph.enums import register
from graph.errors import UserError
from graph.users.types import User

register(
    TokenKind,
    "The two kinds of tokens.",
    {
        TokenKind.ACCESS: "A signed JWT for the header `Authorization`.",
        TokenKind.REFRESH: "What `tokenRefresh` takes, once.",
    },
)


@strawberry.type
class TokenPayload:
    """Tokens, or why there are none."""

    access_token: str | None = strawberry.field(
        default=None, description="A signed JWT for the header `Authorization: Bearer …`."
    )
    refresh_token: str | None = strawberry.field(
        default=None, description="Trade it once for new tokens with `tokenRefresh`. Keep it secret."
    )
    expires_in: int | None = strawberry.field(default=None, description="Seconds until the access token expires.")
    user: User | None = strawberry.field(default=None, description="Who signed in.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `tokenCreate` answers.")
class TokenCreatePayload(TokenPayload):
    """Tokens after a sign-in by password."""


@strawberry.type(description="What `tokenRefresh` answers.")
class TokenRefreshPayload(TokenPayload):
    """Tokens in place of older ones."""


@strawberry.type(description="What `tokenRevoke` answers.")
class TokenRevokePayload:
    """Whether there was something to end."""

    revoked: bool | None = strawberry.field(
        default=None, description="Whether the token was active, and its session has been ended by this."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `tokenVerify` answers. All but `active` is null where the token is not active.")
class TokenVerifyPayload:
    """What a token stands for."""

    active: bool | None = strawberry.field(
        default=None,
        description="Whether the token can be used: it is ours, and neither expired, nor used up, nor revoked.",
    )
    kind: TokenKind | None = strawberry.field(default=None, description="Which kind of token it is.")
    username: str | None = strawberry.field(default=None, description="Whose it is.")
    scopes: list[str] | None = strawberry.field(default=None, description="What may be done with it.")
    expires_at: datetime | None = strawberry.field(default=None, description="When it ends, unless it is revoked.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")


@strawberry.type(description="What `sessionsRevokeAll` answers.")
class SessionsRevokeAllPayload:
    """How many sessions were ended."""

    sessions: int | None = strawberry.field(default=None, description="How many sessions have been ended by this.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty if it was done.")
