"""Grant and revoke roles. Each command is one transaction."""

from uuid import UUID

from domain.actor import Actor
from domain.events.model import EventKind
from domain.refusals import ErrorCode, Refusal, Refused, bad_input, not_found
from domain.roles import policy
from domain.roles.model import ADMIN, Role
from domain.roles.ports import RolesUnitOfWork
from domain.tokens.ports import TokenIssuer
from domain.tokens.revoking import end_sessions
from domain.users.events import record
from domain.users.model import User


async def grant_role(
    uow: RolesUnitOfWork, actor: Actor, user_id: UUID, name: str, *, idempotency_key: UUID | None = None
) -> User:
    """Give a role to another user; nothing happens where they hold it already.

    Raises:
        Refused: UNAUTHENTICATED, also where the actor's own rights have changed; FORBIDDEN; NOT_FOUND, also where the
            actor may not know of the user; BAD_INPUT, it is a machine; ROLE_EXCEEDS; IDEMPOTENCY_CONFLICT.
    """
    policy.must_change_roles(actor)
    async with uow:
        if await uow.claim(idempotency_key, "roleGrant", (str(user_id), name)):
            return await _changed(uow, user_id)
        role, subject = await _locked(uow, actor, user_id, name)
        policy.must_grant(actor, role, subject)
        await uow.settle(idempotency_key, user_id)
        if name in subject.roles:
            return subject
        if await uow.clients.find(subject.username):
            # Its rights are those it was registered with; and an admin that cannot act as one would count as the last.
            raise Refused(bad_input("A machine holds no role: it has scopes of its own.", "input", "userId"))
        await uow.roles.grant(user_id, name, actor.user_id)
        return await _recorded(uow, EventKind.ROLE_GRANTED, role, subject)


async def revoke_role(
    uow: RolesUnitOfWork,
    actor: Actor,
    user_id: UUID,
    name: str,
    *,
    issuer: TokenIssuer,
    idempotency_key: UUID | None = None,
) -> User:
    """Take a role from a user; nothing happens where they do not hold it.

    Their sessions end with it: the tokens of those tell of rights which are no longer theirs.

    Raises:
        Refused: as `grant_role`; LAST_ADMIN.
    """
    policy.must_change_roles(actor)
    async with uow:
        if await uow.claim(idempotency_key, "roleRevoke", (str(user_id), name)):
            return await _changed(uow, user_id)
        role, subject = await _locked(uow, actor, user_id, name)
        policy.must_revoke(actor, role, subject)
        await uow.settle(idempotency_key, user_id)
        if name not in subject.roles:
            return subject
        if name == ADMIN and await uow.roles.holders(ADMIN) == 1:
            message = f"{subject.username} is the last admin. Make another one first."
            raise Refused(Refusal(ErrorCode.LAST_ADMIN, message, ("input", "userId")))
        await uow.roles.revoke(user_id, name)
        sessions = await end_sessions(uow, issuer, user_id) if role.scopes else 0
        return await _recorded(uow, EventKind.ROLE_REVOKED, role, subject, sessions=sessions)


async def _locked(uow: RolesUnitOfWork, actor: Actor, user_id: UUID, name: str) -> tuple[Role, User]:
    """The role and the user, both locked, while the actor is known to hold what their token says."""
    # The role first: two admins who take the role from each other come one after the other, and the second is none.
    role = await uow.roles.lock(name)
    if role is None:
        raise Refused(not_found("role", "input", "role"))
    if actor.user_id is not None:
        policy.must_still_hold(actor, await uow.users.get(actor.user_id))
    subject = await uow.users.lock(user_id, actor)
    if subject is None:
        raise Refused(not_found("user", "input", "userId"))
    return role, subject


async def _changed(uow: RolesUnitOfWork, user_id: UUID) -> User:
    """The user as they are now."""
    user = await uow.users.get(user_id)
    if user is None:
        raise Refused(not_found("user", "input", "userId"))
    return user


async def _recorded(uow: RolesUnitOfWork, kind: EventKind, role: Role, before: User, **more: int) -> User:
    after = await _changed(uow, before.id)
    await record(uow, after.id, kind, role=role.name, before=list(before.roles), after=list(after.roles), **more)
    return after
