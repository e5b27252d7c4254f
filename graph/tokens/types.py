"""What sign-in answers."""

import strawberry

from graph.errors import UserError
from graph.users.types import User


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
