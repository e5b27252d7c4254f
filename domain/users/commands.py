"""Register a user, and make sure of the first admin."""

from uuid import UUID

from domain.refusals import ErrorCode, Refusal, Refused, idempotency_conflict
from domain.roles.model import ADMIN
from domain.roles.ports import RolesUnitOfWork
from domain.throttle import Act, Throttle
from domain.users.events import record_registration
from domain.users.model import User, check_registration
from domain.users.ports import PasswordHasher, UsersUnitOfWork


async def register_user(
    uow: UsersUnitOfWork,
    hasher: PasswordHasher,
    username: str,
    email: str | None,
    password: str,
    *,
    throttle: Throttle | None,
    is_admin: bool = False,
    idempotency_key: UUID | None = None,
) -> User:
    """Make a new user. Without a throttle it is the operator who makes them.

    Raises:
        Refused: BAD_INPUT for each broken rule; USERNAME_TAKEN (regardless of case) or EMAIL_TAKEN;
            IDEMPOTENCY_CONFLICT; TOO_MANY_ATTEMPTS.
    """
    if refusals := check_registration(username, email, password):
        raise Refused(*refusals)
    if throttle is not None:
        await throttle.take(Act.REGISTRATION, uow.origin)
    password_hash = await hasher.hash(password)
    async with uow:
        # The password stays out of the digest, which is no safe place for one; it is compared below.
        made = await uow.claim(idempotency_key, "userRegister", (username, email))
        if made is None:
            user = await uow.users.add(username, email, password_hash, is_admin=is_admin)
            record_registration(uow, user)
            await uow.settle(idempotency_key, user.id)
            return user
        known = await uow.users.credentials(username)
    if known is None or known.user.id != made or not (await hasher.check(password, known.password_hash))[0]:
        raise Refused(idempotency_conflict(idempotency_key))
    return known.user


async def ensure_admin(uow: RolesUnitOfWork, hasher: PasswordHasher, username: str, password: str) -> bool:
    """Make the first admin unless a user of that name exists, whose password then stays; True if made.

    Raises:
        Refused: the name or the password breaks a rule, or nobody is an admin and the name is somebody's.
    """
    async with uow:
        existing = await uow.users.credentials(username)
        admins = await uow.roles.holders(ADMIN)
    if existing is not None:
        # The first admin may have handed the role on.
        if not admins:
            message = f"The user {username} exists and is no admin. Choose another name for the first admin."
            raise Refused(Refusal(ErrorCode.USERNAME_TAKEN, message))
        return False
    try:
        await register_user(uow, hasher, username, None, password, throttle=None, is_admin=True)
    except Refused as refused:
        # Another process that starts at the same moment may have been first.
        if refused.refusals[0].code is ErrorCode.USERNAME_TAKEN:
            return False
        raise
    return True
