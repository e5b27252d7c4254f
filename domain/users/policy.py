"""Who may see and change users."""

from domain.actor import Actor
from domain.refusals import Refused, unauthenticated


def must_be_signed_in(actor: Actor) -> None:
    """Refuse anonymous callers."""
    if not actor.is_signed_in:
        raise Refused(unauthenticated())
