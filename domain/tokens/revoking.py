"""Sign out: end one session, or all of a user; and tell whether a token still holds."""

from datetime import UTC, datetime
from uuid import UUID

from domain.actor import Actor
from domain.events.model import EventKind
from domain.refusals import Refused, not_found
from domain.secret import digest_of
from domain.tokens import policy
from domain.tokens.model import TokenFacts, TokenKind
from domain.tokens.ports import TokenIssuer, TokensUnitOfWork
from domain.users.events import record


async def verify_token(uow: TokensUnitOfWork, issuer: TokenIssuer, token: str) -> TokenFacts | None:
    """What a token stands for; None if it is not active: unknown, expired, used up or revoked. Uses nothing up."""
    try:
        actor = issuer.actor(token)
    except Refused:
        return await _verify_refresh_token(uow, token)
    return _facts(actor, TokenKind.ACCESS)


async def revoke_token(uow: TokensUnitOfWork, issuer: TokenIssuer, token: str) -> bool:
    """End the session of an access token or a refresh token; False if the token is not active, and nothing was done.

    Whoever holds a token may do so: it is all that they could still use it for.
    """
    facts = await verify_token(uow, issuer, token)
    if facts is None:
        return False
    async with uow:
        if await uow.users.lock(facts.user_id) is None:
            return False
        if facts.kind is TokenKind.ACCESS:
            await uow.sessions.revoke(facts.token_id, issuer.last_end())
        await uow.sessions.end([facts.session], issuer.last_end())
        await record(uow, facts.user_id, EventKind.TOKEN_REVOKED, session=str(facts.session))
    return True


async def revoke_sessions(uow: TokensUnitOfWork, issuer: TokenIssuer, actor: Actor, user_id: UUID | None = None) -> int:
    """End every session of a user, by default of the actor; returns how many there were.

    Raises:
        Refused: UNAUTHENTICATED; FORBIDDEN, it is another user and the actor lacks `users:write`; NOT_FOUND.
    """
    user_id = policy.must_end_sessions(actor, user_id)
    async with uow:
        if await uow.users.lock(user_id) is None:
            raise Refused(not_found("user", "input", "userId"))
        sessions = await end_sessions(uow, issuer, user_id)
        await record(uow, user_id, EventKind.SESSIONS_REVOKED, sessions=sessions)
    return sessions


async def end_sessions(uow: TokensUnitOfWork, issuer: TokenIssuer, user_id: UUID, keep: UUID | None = None) -> int:
    """End the sessions of a user, who is locked, but for one to keep; returns how many.

    A sign-in whose code was not traded yet ends as well.
    """
    await uow.sessions.forget_codes(user_id)
    sessions = [session for session in await uow.sessions.of_user(user_id) if session != keep]
    await uow.sessions.end(sessions, issuer.last_end())
    return len(sessions)


async def _verify_refresh_token(uow: TokensUnitOfWork, token: str) -> TokenFacts | None:
    async with uow:
        found = await uow.sessions.find(digest_of(token))
        user = await uow.users.get(found.user_id) if found and found.is_active(datetime.now(UTC)) else None
    if found is None or user is None:
        return None
    scopes = user.as_actor().held
    return TokenFacts(TokenKind.REFRESH, found.id, found.session, user.id, user.username, scopes, found.expires_at)


def _facts(actor: Actor, kind: TokenKind) -> TokenFacts | None:
    known = actor.token_id, actor.session, actor.user_id, actor.expires_at
    token_id, session, user_id, expires_at = known
    if token_id is None or session is None or user_id is None or expires_at is None:
        return None
    return TokenFacts(kind, token_id, session, user_id, actor.username or "", actor.held, expires_at)
