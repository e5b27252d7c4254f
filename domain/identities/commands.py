"""Sign in with a provider: there and back, and who is meant by what the provider says."""

from datetime import UTC, datetime, timedelta

from domain.events.model import EventKind
from domain.identities.model import (
    ATTEMPT_SECONDS,
    CODE_SECONDS,
    LoginAttempt,
    Profile,
    may_link,
    usernames,
)
from domain.identities.ports import IdentitiesUnitOfWork
from domain.refusals import ErrorCode, Refusal, Refused
from domain.secret import digest_of, new_secret
from domain.throttle import Act, Throttle
from domain.tokens.commands import open_session
from domain.tokens.model import Tokens
from domain.tokens.ports import TokenIssuer
from domain.users.events import record, record_registration
from domain.users.model import User


async def may_begin_login(uow: IdentitiesUnitOfWork, throttle: Throttle) -> None:
    """Count a sign-in that is begun, before the provider is asked for anything.

    Raises:
        Refused: TOO_MANY_ATTEMPTS.
    """
    await throttle.take(Act.LOGIN, uow.origin)


async def begin_login(uow: IdentitiesUnitOfWork, state: str, browser: str, attempt: LoginAttempt) -> None:
    """Remember an attempt under the state that the provider will repeat, for the browser that holds the secret."""
    expires_at = datetime.now(UTC) + timedelta(seconds=ATTEMPT_SECONDS)
    async with uow:
        await uow.logins.add_attempt(digest_of(state), digest_of(browser), attempt, expires_at)


async def take_attempt(uow: IdentitiesUnitOfWork, state: str, browser: str, provider: str) -> LoginAttempt | None:
    """The attempt of this browser under a state, once; None if there is none, or no longer."""
    async with uow:
        return await uow.logins.take_attempt(digest_of(state), digest_of(browser), provider)


async def sign_in(
    uow: IdentitiesUnitOfWork, throttle: Throttle, issuer: TokenIssuer, profile: Profile, *, registers: bool
) -> Tokens:
    """Tokens for whom a provider means. `registers` says whether somebody new becomes a user.

    Raises:
        Refused: EMAIL_NOT_VERIFIED, REGISTRATION_CLOSED, TOO_MANY_ATTEMPTS.
    """
    async with uow:
        user = await _identify(uow, throttle, profile, registers=registers)
        return await open_session(uow, issuer, user, profile.provider)


async def sign_in_for_code(uow: IdentitiesUnitOfWork, throttle: Throttle, profile: Profile, *, registers: bool) -> str:
    """A code that a front end trades once, within a minute, for the tokens of whom a provider means.

    Raises:
        Refused: EMAIL_NOT_VERIFIED, REGISTRATION_CLOSED, TOO_MANY_ATTEMPTS.
    """
    code = new_secret()
    async with uow:
        user = await _identify(uow, throttle, profile, registers=registers)
        # Whoever ends the sessions of the user now, ends this sign-in as well; or it comes after.
        await uow.users.lock(user.id)
        expires_at = datetime.now(UTC) + timedelta(seconds=CODE_SECONDS)
        await uow.logins.add_code(digest_of(code), user.id, profile.provider, expires_at)
    return code


async def trade_code(uow: IdentitiesUnitOfWork, issuer: TokenIssuer, code: str) -> Tokens:
    """Trade the code of a sign-in for its tokens.

    Raises:
        Refused: INVALID_TOKEN: unknown, older than a minute, traded before, or all sessions were ended since.
    """
    digest = digest_of(code)
    async with uow:
        # The user first, as all do who change sessions: who ends them has taken the code by then, or finds its session.
        user_id = await uow.logins.find_code(digest)
        user = await uow.users.lock(user_id) if user_id else None
        taken = await uow.logins.take_code(digest) if user else None
        if taken is None or user is None:
            message = "This code is not valid, or no longer. Begin the sign-in anew."
            raise Refused(Refusal(ErrorCode.INVALID_TOKEN, message, ("input", "code")))
        return await open_session(uow, issuer, user, taken[1])


async def _identify(uow: IdentitiesUnitOfWork, throttle: Throttle, profile: Profile, *, registers: bool) -> User:
    """Whom a provider means: somebody known, somebody of the same verified address, else somebody new."""
    known = await uow.identities.find(profile.provider, profile.subject)
    user = await uow.users.get(known) if known else None
    if user is not None:
        return user
    user = await uow.users.of_email(profile.email) if profile.email else None
    if user is None:
        user = await _register(uow, throttle, profile, registers=registers)
    elif not may_link(user, profile):
        message = (
            "A user has this e-mail address, and never proved that it is theirs. Reset the password by mail, which"
            " proves it, then sign in with the provider again; or sign in by password."
        )
        raise Refused(Refusal(ErrorCode.EMAIL_NOT_VERIFIED, message))
    await uow.identities.link(user.id, profile)
    await record(uow, user.id, EventKind.IDENTITY_LINKED, provider=profile.provider)
    return user


async def _register(uow: IdentitiesUnitOfWork, throttle: Throttle, profile: Profile, *, registers: bool) -> User:
    """A new user without a password, of the first name that is free."""
    if not registers:
        message = "Nobody here is known by this account, and new users are not made by signing in."
        raise Refused(Refusal(ErrorCode.REGISTRATION_CLOSED, message))
    await throttle.take(Act.REGISTRATION, uow.origin)
    for username in usernames(profile):
        try:
            user = await uow.users.add(username, profile.email, None)
        except Refused as refused:
            if refused.refusals[0].code is not ErrorCode.USERNAME_TAKEN:
                raise
            continue
        if profile.email is not None:
            await uow.users.verify_email(user.id)
        record_registration(uow, user)
        return user
    raise RuntimeError("No username was free.")
