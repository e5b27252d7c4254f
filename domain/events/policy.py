"""Who may follow the log."""

from domain.actor import Actor, Scope
from domain.refusals import Refused, forbidden, unauthenticated

FOLLOWING = (Scope.ORDERS_READ, Scope.INVENTORY_READ, Scope.AUDIT_READ)
"""The rights that each let one read or watch a part of the log."""


def must_follow(actor: Actor) -> None:
    """Knowing where the log ends takes a right to read or to watch some of it."""
    if not actor.is_signed_in and not actor.is_admin:
        raise Refused(unauthenticated())
    if not any(actor.has(scope) for scope in FOLLOWING):
        raise Refused(forbidden("follow the log"))
