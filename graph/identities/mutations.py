"""The end of a sign-in with a provider; its beginning is a page of the provider, and no GraphQL."""

import strawberry

from domain.identities.commands import trade_code
from graph.context import Info
from graph.tokens.mutations import signed_in
from graph.tokens.types import TokenPayload


@strawberry.input(description="What `tokenFromLogin` takes.")
class TokenFromLoginInput:
    """A code."""

    code: str = strawberry.field(description="The `code` that the browser was sent back with.")


@strawberry.type(description="What `tokenFromLogin` answers.")
class TokenFromLoginPayload(TokenPayload):
    """Tokens after a sign-in with a provider."""


@strawberry.type
class IdentityMutations:
    """Fields of Mutation about identities."""

    @strawberry.mutation(
        description="Sign in with a provider: trade the code that the browser was sent back with, once and within a"
        " minute, for tokens."
    )
    async def token_from_login(self, info: Info, input: TokenFromLoginInput) -> TokenFromLoginPayload:
        work = trade_code(info.context.unit_of_work(), info.context.services.issuer, input.code)
        return await signed_in(info, TokenFromLoginPayload, work)
