"""Sign in, stay signed in, sign out."""

from collections.abc import Awaitable
from typing import TypeVar

import strawberry

from domain.tokens.commands import create_tokens, refresh_tokens
from domain.tokens.model import TokenFacts, Tokens
from domain.tokens.revoking import revoke_sessions, revoke_token, verify_token
from graph.context import Info
from graph.errors import outcome
from graph.node import key_of
from graph.tokens.types import (
    SessionsRevokeAllPayload,
    TokenCreatePayload,
    TokenPayload,
    TokenRefreshPayload,
    TokenRevokePayload,
    TokenVerifyPayload,
)

P = TypeVar("P", bound=TokenPayload)


@strawberry.input(description="What `tokenCreate` takes.")
class TokenCreateInput:
    """A name and a password."""

    username: str = strawberry.field(description="The username; case does not matter.")
    password: str = strawberry.field(description="The password.")


@strawberry.input(description="What `tokenRefresh` takes.")
class TokenRefreshInput:
    """A refresh token."""

    refresh_token: str = strawberry.field(description="A refresh token that was not used before.")


@strawberry.input(description="What `tokenRevoke` takes.")
class TokenRevokeInput:
    """A token to end."""

    token: str = strawberry.field(description="An access token or a refresh token.")


@strawberry.input(description="What `tokenVerify` takes.")
class TokenVerifyInput:
    """A token to look at."""

    token: str = strawberry.field(description="An access token or a refresh token. It is not used up.")


@strawberry.input(description="What `sessionsRevokeAll` takes.")
class SessionsRevokeAllInput:
    """Whose sessions to end."""

    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Another user than yourself; takes `users:write`."
    )


@strawberry.type
class TokenMutations:
    """Fields of Mutation about tokens."""

    @strawberry.mutation(description="Sign in: trade a name and a password for tokens.")
    async def token_create(self, info: Info, input: TokenCreateInput) -> TokenCreatePayload:
        services, uow = info.context.services, info.context.unit_of_work()
        given = input.username, input.password
        work = create_tokens(uow, services.hasher, services.throttle, services.issuer, *given)
        return await signed_in(info, TokenCreatePayload, work)

    @strawberry.mutation(
        description="Stay signed in: trade a refresh token, once, for new tokens."
        " Using one twice ends all tokens of its sign-in."
    )
    async def token_refresh(self, info: Info, input: TokenRefreshInput) -> TokenRefreshPayload:
        work = refresh_tokens(info.context.unit_of_work(), info.context.services.issuer, input.refresh_token)
        return await signed_in(info, TokenRefreshPayload, work)

    @strawberry.mutation(
        description="Sign out: end the session of a token, with all its tokens, in every process within a second."
        " Whoever holds the token may."
    )
    async def token_revoke(self, info: Info, input: TokenRevokeInput) -> TokenRevokePayload:
        work = revoke_token(info.context.unit_of_work(), info.context.services.issuer, input.token)
        return await outcome(info, TokenRevokePayload, "revoked", work)

    @strawberry.mutation(description="Tell whether a token is active, and what it stands for. Nothing is changed.")
    async def token_verify(self, info: Info, input: TokenVerifyInput) -> TokenVerifyPayload:
        facts = await verify_token(info.context.unit_of_work(), info.context.services.issuer, input.token)
        return TokenVerifyPayload(active=False, user_errors=[]) if facts is None else _active(facts)

    @strawberry.mutation(description="End every session of yourself, or of another user, in every process.")
    async def sessions_revoke_all(self, info: Info, input: SessionsRevokeAllInput) -> SessionsRevokeAllPayload:
        return await outcome(info, SessionsRevokeAllPayload, "sessions", _revoke_all(info, input))


def _active(facts: TokenFacts) -> TokenVerifyPayload:
    return TokenVerifyPayload(
        active=True,
        kind=facts.kind,
        username=facts.username,
        scopes=list(facts.scopes),
        expires_at=facts.expires_at,
        user_errors=[],
    )


async def _revoke_all(info: Info, input: SessionsRevokeAllInput) -> int:
    user_id = None if input.user_id is None else key_of(input.user_id, "User", "input", "userId")
    return await revoke_sessions(
        info.context.unit_of_work(), info.context.services.issuer, info.context.viewer, user_id
    )


async def signed_in(info: Info, payload: type[P], work: Awaitable[Tokens]) -> P:
    """Answer with tokens; what else is selected is read in the name of whom they are for."""

    async def sign_in() -> Tokens:
        tokens = await work
        info.context.viewer = tokens.user.as_actor()
        return tokens

    return await outcome(info, payload, None, sign_in())
