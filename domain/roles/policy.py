"""Who may grant and take which roles."""

from domain.actor import Actor, Scope
from domain.refusals import ErrorCode, Refusal, Refused, RoleExceeds, forbidden, unauthenticated
from domain.roles.model import ADMIN, Role
from domain.users.model import User


def must_change_roles(actor: Actor) -> None:
    """To grant and to take roles takes the right to write users."""
    if not actor.is_signed_in and not actor.is_admin:
        raise Refused(unauthenticated())
    if not actor.has(Scope.USERS_WRITE):
        raise Refused(forbidden("grant or revoke roles"))


def must_still_hold(actor: Actor, user: User | None) -> None:
    """What an actor passes on must be theirs now: a token may be minutes old, and a role that was granted stays.

    `user` is the actor as they are now.
    """
    if actor.user_id is not None and (user is None or not user.backs(actor)):
        message = "Your rights have changed. Refresh your access token."
        raise Refused(Refusal(ErrorCode.UNAUTHENTICATED, message))


def must_revoke(actor: Actor, role: Role, subject: User) -> None:
    """Nobody takes what they lack, and only admins have a say about admins."""
    if not actor.is_admin and (role.name == ADMIN or subject.is_admin):
        raise Refused(forbidden("change the roles of an admin, or say who is one"))
    if missing := role.beyond(actor):
        message = f"The role {role.name} has scopes that you lack: {', '.join(missing)}."
        path = ("input", "role")
        raise Refused(RoleExceeds(ErrorCode.ROLE_EXCEEDS, message, path, role.name, tuple(missing)))


def must_grant(actor: Actor, role: Role, subject: User) -> None:
    """As above; and nobody grants anything to themselves."""
    if actor.user_id == subject.id:
        raise Refused(forbidden("grant a role to yourself"))
    must_revoke(actor, role, subject)
