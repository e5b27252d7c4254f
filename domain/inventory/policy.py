"""Who may change and watch stock."""

from domain.actor import Actor, Scope
from domain.refusals import Refused, forbidden, unauthenticated


def must_change_stock(actor: Actor) -> None:
    """Receiving, adjusting, transferring and reorder points take the right to write the inventory.

    Whoever changes a level is told what it is then, whether or not they may list stock.
    """
    if not actor.is_signed_in and not actor.is_admin:
        raise Refused(unauthenticated())
    if not actor.has(Scope.INVENTORY_WRITE):
        raise Refused(forbidden("change stock"))


def must_watch_stock(actor: Actor) -> None:
    """Watching stock takes the right to read the inventory."""
    if not actor.is_signed_in and not actor.is_admin:
        raise Refused(unauthenticated())
    if not actor.has(Scope.INVENTORY_READ):
        raise Refused(forbidden("watch stock"))
