"""Who may end whose sessions."""

from uuid import UUID

from domain.actor import Actor, Scope
from domain.refusals import Refused, forbidden, unauthenticated


def must_end_sessions(actor: Actor, user_id: UUID | None) -> UUID:
    """Whose sessions the actor may end: those of a user, or their own. Those of others take `users:write`."""
    user_id = user_id or actor.user_id
    if user_id is None or (not actor.is_signed_in and not actor.is_admin):
        raise Refused(unauthenticated())
    if actor.user_id != user_id and not actor.has(Scope.USERS_WRITE):
        raise Refused(forbidden("end the sessions of others"))
    return user_id
