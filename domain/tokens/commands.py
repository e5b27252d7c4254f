"""Sign in, stay signed in."""

from datetime import UTC, datetime
from uuid import UUID

from domain.events.model import EventKind
from domain.refusals import ErrorCode, Refusal, Refused
from domain.secret import digest_of
from domain.throttle import Throttle
from domain.tokens.model import RefreshToken, Tokens
from domain.tokens.ports import TokenIssuer, TokensUnitOfWork
from domain.users.events import record
from domain.users.model import User
from domain.users.ports import PasswordHasher
from domain.users.proof import confirm, prove

BY_PASSWORD = "PASSWORD"  # noqa: S105  (a way to sign in, not a secret)
BY_CLIENT = "CLIENT"


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
        return await open_session(uow, issuer, proof.user, BY_PASSWORD)


async def open_session(uow: TokensUnitOfWork, issuer: TokenIssuer, user: User, by: str) -> Tokens:
    """Open a session, in the caller's transaction, for a user who has proved who they are.

    `by` says how: BY_PASSWORD, or the name of a provider.
    """
    user = await uow.users.logged_in(user.id)
    refresh_token, digest, expires_at = issuer.refresh_token()
    session = await uow.sessions.add(user.id, digest, expires_at)
    await record(uow, user.id, EventKind.USER_SIGNED_IN, by=by, session=str(session))
    return Tokens(issuer.access_token(user, session), refresh_token, issuer.lifetime, user)


async def open_machine_session(
    uow: TokensUnitOfWork, issuer: TokenIssuer, user: User, scopes: tuple[str, ...]
) -> Tokens:
    """Open a session for a machine, with some of its user's scopes: one access token, and none to refresh it with.

    Its refresh token is given to nobody. What is stored of it makes the session one like any other, to be ended and
    to be forgotten.
    """
    user = (await uow.users.logged_in(user.id)).limited_to(scopes)
    _, digest, _ = issuer.refresh_token()
    session = await uow.sessions.add(user.id, digest, issuer.last_end())
    await record(uow, user.id, EventKind.USER_SIGNED_IN, by=BY_CLIENT, session=str(session))
    return Tokens(issuer.access_token(user, session), None, issuer.lifetime, user)


async def refresh_tokens(uow: TokensUnitOfWork, issuer: TokenIssuer, refresh_token: str) -> Tokens:
    """Trade a refresh token for new tokens; the old one is used up.

    Raises:
        Refused: INVALID_TOKEN: unknown, expired or used before. The last ends its session, and is told in the log.
    """
    digest = digest_of(refresh_token)
    async with uow:
        found = await _locked(uow, digest)
        if found is not None:
            user, token = found
            if token.is_active(datetime.now(UTC)):
                return await _trade(uow, issuer, user, token)
            if token.is_reused:
                await uow.sessions.end([token.session], issuer.last_end())
                await record(uow, user.id, EventKind.TOKEN_REUSED, session=str(token.session))
    # Raised only here: the end of a session that was misused must be committed, not rolled back.
    message = "This refresh token is not valid, or no longer. Sign in again."
    raise Refused(Refusal(ErrorCode.INVALID_TOKEN, message, ("input", "refreshToken")))


async def _locked(uow: TokensUnitOfWork, digest: str) -> tuple[User, RefreshToken] | None:
    """A refresh token, and its user, who is locked: nobody else changes their sessions until the transaction ends."""
    token = await uow.sessions.find(digest)
    user = await uow.users.lock(token.user_id) if token else None
    # Read anew, for another one may have used it up while this one waited.
    token = await uow.sessions.find(digest) if user else None
    return (user, token) if user and token else None


async def _trade(uow: TokensUnitOfWork, issuer: TokenIssuer, user: User, token: RefreshToken) -> Tokens:
    await uow.sessions.use(token.id)
    refresh_token, digest, expires_at = issuer.refresh_token()
    session: UUID = await uow.sessions.add(user.id, digest, expires_at, token.session)
    await record(uow, user.id, EventKind.TOKEN_REFRESHED, session=str(session))
    return Tokens(issuer.access_token(user, session), refresh_token, issuer.lifetime, user)
