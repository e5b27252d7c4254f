"""Sign in, stay signed in."""

from uuid import UUID

from domain.events.model import EventKind
from domain.refusals import ErrorCode, Refusal, Refused
from domain.tokens.model import Tokens
from domain.tokens.ports import TokenIssuer, TokensUnitOfWork
from domain.users.events import record
from domain.users.model import User
from domain.users.ports import PasswordHasher


async def create_tokens(
    uow: TokensUnitOfWork, hasher: PasswordHasher, issuer: TokenIssuer, username: str, password: str
) -> Tokens:
    """Sign in by name and password.

    Raises:
        Refused: INVALID_CREDENTIALS; it does not tell an unknown name from a wrong password.
    """
    async with uow:
        credentials = await uow.users.credentials(username)
    hashed = credentials.password_hash if credentials else None
    if not await hasher.verify(password, hashed) or credentials is None:
        raise Refused(Refusal(ErrorCode.INVALID_CREDENTIALS, "The username or the password is wrong.", ("input",)))
    async with uow:
        return await open_session(uow, issuer, credentials.user, "PASSWORD")


async def open_session(uow: TokensUnitOfWork, issuer: TokenIssuer, user: User, by: str) -> Tokens:
    """Sign in a user who has proved who they are, `by` what; the transaction is the caller's."""
    user = await uow.users.logged_in(user.id)
    refresh_token, digest, expires_at = issuer.refresh_token()
    session = await uow.refresh_tokens.add(user.id, digest, expires_at, None)
    await record(uow, user.id, EventKind.USER_SIGNED_IN, by=by, session=str(session))
    return Tokens(issuer.access_token(user), refresh_token, issuer.lifetime, user)


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


async def _issue(uow: TokensUnitOfWork, issuer: TokenIssuer, user: User, family: UUID) -> Tokens:
    refresh_token, digest, expires_at = issuer.refresh_token()
    await uow.refresh_tokens.add(user.id, digest, expires_at, family)
    return Tokens(issuer.access_token(user), refresh_token, issuer.lifetime, user)
