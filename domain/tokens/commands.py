"""Sign in, stay signed in."""

from uuid import UUID

from domain.refusals import ErrorCode, Refusal, Refused
from domain.throttle import Throttle
from domain.tokens.model import Tokens
from domain.tokens.ports import TokenIssuer, TokensUnitOfWork
from domain.users.model import User
from domain.users.ports import PasswordHasher
from domain.users.proof import confirm, prove


async def create_tokens(
    uow: TokensUnitOfWork,
    hasher: PasswordHasher,
    throttle: Throttle,
    issuer: TokenIssuer,
    username: str,
    password: str,
) -> Tokens:
    """Sign in by name and password.

    Raises:
        Refused: INVALID_CREDENTIALS; it does not tell an unknown name from a wrong password. TOO_MANY_ATTEMPTS or
            BUSY, and then the password was not looked at.
    """
    proof = await prove(uow, hasher, throttle, username, password)
    async with uow:
        await confirm(uow, proof)
        user = await uow.users.logged_in(proof.user.id)
        return await _issue(uow, issuer, user, family=None)


async def refresh_tokens(uow: TokensUnitOfWork, issuer: TokenIssuer, refresh_token: str) -> Tokens:
    """Trade a refresh token for new tokens; the old one is used up.

    Raises:
        Refused: INVALID_TOKEN: unknown, expired or used before. The last ends every token of its sign-in.
    """
    async with uow:
        spent = await uow.refresh_tokens.spend(issuer.digest(refresh_token))
        if spent is not None:
            user_id, family = spent
            user = await uow.users.get(user_id)
            if user is not None:
                return await _issue(uow, issuer, user, family)
    # Raised only here: the end of a family that was misused must be committed, not rolled back.
    message = "This refresh token is not valid, or no longer. Sign in again."
    raise Refused(Refusal(ErrorCode.INVALID_TOKEN, message, ("input", "refreshToken")))


async def _issue(uow: TokensUnitOfWork, issuer: TokenIssuer, user: User, family: UUID | None) -> Tokens:
    refresh_token, digest, expires_at = issuer.refresh_token()
    await uow.refresh_tokens.add(user.id, digest, expires_at, family)
    return Tokens(issuer.access_token(user), refresh_token, issuer.lifetime, user)
