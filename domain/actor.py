"""Who asks: the person or process behind a command, and what they may do."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Origin:
    """Which request something came with, and from which network address."""

    request_id: str
    address: str | None = None

    @property
    def network(self) -> str | None:
        """What one household or machine has for its own: an IPv4 address, or the first 64 bits of an IPv6 one."""
        try:
            address = ip_address((self.address or "").partition("%")[0])
        except ValueError:
            return self.address
        if isinstance(address, IPv6Address):
            return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
        return str(address)


class Scope(StrEnum):
    """A right that a user may hold; reading and writing are separate."""

    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    ORDERS_APPROVE = "orders:approve"
    INVENTORY_READ = "inventory:read"
    INVENTORY_WRITE = "inventory:write"
    REPORTS_READ = "reports:read"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    AUDIT_READ = "audit:read"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who reads or acts.

    `user_id` is None for an anonymous caller and for the system itself. `expires_at`, `token_id` and `session` are
    those of the access token that vouches for the actor.
    """

    user_id: UUID | None = None
    username: str | None = None
    is_admin: bool = False
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    token_id: UUID | None = None
    session: UUID | None = None

    @classmethod
    def anonymous(cls) -> Self:
        """Somebody who has not signed in."""
        return cls()

    @classmethod
    def system(cls) -> Self:
        """The process itself: imports, seeds and background work."""
        return cls(is_admin=True)

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None

    def has(self, scope: Scope) -> bool:
        """Whether the actor holds a scope; an admin holds all of them."""
        return self.is_admin or scope in self.scopes

    @property
    def held(self) -> tuple[str, ...]:
        """The scopes that the actor holds, in the order in which the shop lists them."""
        return tuple(scope.value for scope in Scope if self.has(scope))

    @property
    def rights(self) -> Self:
        """The actor, whatever the token it came with."""
        return replace(self, expires_at=None, token_id=None, session=None)

    @property
    def sight(self) -> Self:
        """What decides what the actor is shown; two of the same sight are shown the same.

        Who somebody is counts only where a right is missing, so those who hold every right are one.
        """
        if all(self.has(scope) for scope in Scope):
            return type(self)(is_admin=self.is_admin, scopes=frozenset(Scope))
        return self.rights


def caller_of(actor: Actor, origin: Origin) -> str:
    """Who is held to account: the user, and where nobody is signed in, the network address."""
    return f"user:{actor.user_id}" if actor.is_signed_in else f"network:{origin.network}"
