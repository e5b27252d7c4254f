"""What a role is, and the two that the shop itself knows by name."""

from collections.abc import Iterable

from domain.actor import Actor, Scope
from domain.value import value

ADMIN = "admin"
"""Whoever holds this role may do everything, and is the only one to say who else does."""

CUSTOMER = "customer"
"""What everybody gets who registers. It has no scopes: one sees oneself, and one's own orders."""


@value
class Role:
    """A named set of scopes. It is granted and taken as a whole."""

    name: str
    description: str
    scopes: tuple[str, ...]

    def beyond(self, actor: Actor) -> list[str]:
        """The scopes of the role that an actor lacks, in their order."""
        return [scope for scope in self.scopes if not (actor.is_admin or scope in actor.scopes)]


def in_order(scopes: Iterable[str]) -> tuple[str, ...]:
    """Each scope once, in the order in which the shop lists them."""
    given = set(scopes)
    return tuple(scope.value for scope in Scope if scope in given)
