"""Sign in, stay signed in."""

from collections.abc import Awaitable
from typing import TypeVar

import strawberry

from domain.tokens.commands import create_tokens, refresh_tokens
from domain.tokens.model import Tokens
from graph.context import Info
from graph.errors import outcome
from graph.tokens.types import TokenCreatePayload, TokenPayload, TokenRefreshPayload

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


@strawberry.type
class TokenMutations:
    """Fields of Mutation about tokens."""

    @strawberry.mutation(description="Sign in: trade a name and a password for tokens.")
    async def token_create(self, info: Info, input: TokenCreateInput) -> TokenCreatePayload:
        services = info.context.services
        work = create_tokens(
            info.context.unit_of_work(), services.hasher, services.issuer, input.username, input.password
        )
        return await signed_in(info, TokenCreatePayload, work)

    @strawberry.mutation(
        description="Stay signed in: trade a refresh token, once, for new tokens."
        " Using one twice ends all tokens of its sign-in."
    )
    async def token_refresh(self, info: Info, input: TokenRefreshInput) -> TokenRefreshPayload:
        work = refresh_tokens(info.context.unit_of_work(), info.context.services.issuer, input.refresh_token)
        return await signed_in(info, TokenRefreshPayload, work)


async def signed_in(info: Info, payload: type[P], work: Awaitable[Tokens]) -> P:
    """Answer with tokens; what else is selected is read in the name of whom they are for."""

    async def sign_in() -> Tokens:
        tokens = await work
        info.context.viewer = tokens.user.as_actor()
        return tokens

    return await outcome(info, payload, None, sign_in())
