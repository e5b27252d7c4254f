"""Change a password, and reset a forgotten one by mail."""

from dataclasses import dataclass

from domain.actor import Actor
from domain.events.model import EventKind
from domain.passwords.ports import Later, Mail, Mailer, PasswordsUnitOfWork, ResetTokens
from domain.refusals import ErrorCode, Refusal, Refused, unauthenticated
from domain.secret import digest_of
from domain.throttle import Act, Throttle
from domain.tokens.ports import TokenIssuer
from domain.tokens.revoking import end_sessions
from domain.users.events import record
from domain.users.model import User, check_password
from domain.users.ports import PasswordHasher
from domain.users.proof import confirm, prove

WRONG = Refusal(ErrorCode.INVALID_CREDENTIALS, "The current password is wrong.", ("input", "currentPassword"))
NOT_VALID = Refusal(
    ErrorCode.INVALID_TOKEN, "This token is not valid, or no longer. Ask for a new mail.", ("input", "token")
)
MAIL = """Hello {username},

somebody, hopefully you, asked for a new password. Choose one within {minutes} minutes:

{way_in}

It works once. If it was not you, do nothing: your password stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Resetting:
    """What a reset by mail takes from the outside."""

    tokens: ResetTokens
    mailer: Mailer
    later: Later


async def change_password(
    uow: PasswordsUnitOfWork,
    hasher: PasswordHasher,
    throttle: Throttle,
    issuer: TokenIssuer,
    actor: Actor,
    current: str,
    new: str,
) -> User:
    """Change one's own password, and end all sessions but this one: whoever else knew the old password is out.

    Raises:
        Refused: UNAUTHENTICATED; BAD_INPUT; INVALID_CREDENTIALS, the current password is wrong, which counts as a
            failed sign-in; TOO_MANY_ATTEMPTS or BUSY.
    """
    if actor.user_id is None:
        raise Refused(unauthenticated())
    if refusals := check_password(new, "input", "newPassword"):
        raise Refused(*refusals)
    async with uow:
        user = await uow.users.get(actor.user_id)
    if user is None:
        raise Refused(unauthenticated())
    proof = await prove(uow, hasher, throttle, user.username, current, WRONG)
    password_hash = await hasher.hash(new)
    async with uow:
        await confirm(uow, proof, WRONG)
        await uow.users.set_password(user.id, password_hash)
        await uow.password_resets.drop(user.id)
        await end_sessions(uow, issuer, user.id, keep=actor.session)
        await record(uow, user.id, EventKind.PASSWORD_CHANGED)
    return user


async def request_reset(
    uow: PasswordsUnitOfWork, throttle: Throttle, resetting: Resetting, username_or_email: str
) -> None:
    """Have a mail sent by which the password can be reset, if there is such a user with an address.

    What is looked up, stored and sent is so after the answer, which therefore tells nothing, nor does its time.

    Raises:
        Refused: TOO_MANY_ATTEMPTS, for known and unknown users alike; BUSY.
    """
    await throttle.take(Act.RESET_REQUEST, uow.origin, username_or_email)
    resetting.later(_send_reset(uow, resetting, username_or_email))


async def reset_password(
    uow: PasswordsUnitOfWork,
    hasher: PasswordHasher,
    throttle: Throttle,
    issuer: TokenIssuer,
    token: str,
    new: str,
) -> str:
    """Set a new password by the token of a mail, once, and end all sessions; returns the username.

    Raises:
        Refused: BAD_INPUT; INVALID_TOKEN: unknown, used, replaced by a newer one, or too old; BUSY.
    """
    if refusals := check_password(new, "input", "newPassword"):
        raise Refused(*refusals)
    digest = digest_of(token)
    async with uow:
        # A guess is not worth a hash.
        user_id = await uow.password_resets.find(digest)
    if user_id is None:
        raise Refused(NOT_VALID)
    password_hash = await hasher.hash(new)
    async with uow:
        # The user first, as in the other commands, so that none waits for the other in a circle.
        user = await uow.users.lock(user_id)
        if user is None or not await uow.password_resets.spend(digest):
            raise Refused(NOT_VALID)
        await uow.users.set_password(user.id, password_hash)
        # The token was in no other place than the mail.
        await uow.users.verify_email(user.id)
        await end_sessions(uow, issuer, user.id)
        await record(uow, user.id, EventKind.PASSWORD_RESET)
    # Whoever can read the mail may sign in at once, however often somebody else has guessed.
    await throttle.forgive(user.username)
    return user.username


async def _send_reset(uow: PasswordsUnitOfWork, resetting: Resetting, username_or_email: str) -> None:
    token, digest, expires_at = resetting.tokens.make()
    async with uow:
        found = await _named(uow, username_or_email)
        user = await uow.users.lock(found.id) if found else None
        if user is None or user.email is None:
            return
        await uow.password_resets.put(user.id, digest, expires_at)
        await record(uow, user.id, EventKind.PASSWORD_RESET_REQUESTED)
    minutes, way_in = resetting.tokens.minutes, resetting.tokens.way_in(token)
    text = MAIL.format(username=user.username, minutes=minutes, way_in=way_in)
    await resetting.mailer.send(Mail(user.email, "A new password", text))


async def _named(uow: PasswordsUnitOfWork, username_or_email: str) -> User | None:
    if "@" in username_or_email:
        return await uow.users.of_email(username_or_email)
    credentials = await uow.users.credentials(username_or_email)
    return credentials.user if credentials else None
