"""Who calls, and from where: by the headers of a request, or the first message of a socket."""

from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Scope

from domain.actor import Actor, Origin
from domain.tokens.ports import TokenIssuer

ADDRESS_CHARS = 64
"""More than any address has: of what a proxy says, which may be 64 kB, no more is remembered."""


def actor_of(issuer: TokenIssuer, authorization: str | None) -> Actor:
    """Whom the value of an Authorization header names; nobody without one.

    Raises:
        Refused: it is no bearer token of ours.
    """
    if not authorization:
        return Actor.anonymous()
    scheme, _, token = authorization.partition(" ")
    return issuer.actor(token.strip() if scheme.lower() == "bearer" else "")


def origin_of(scope: Scope) -> Origin:
    """Which request this is, and where it comes from."""
    client = scope.get("client")
    return Origin(scope["state"]["request_id"], _address(client[0][:ADDRESS_CHARS]) if client else None)


@lru_cache(4096)
def _address(told: str) -> str | None:
    """The address, unless it is none: proxies may say `unknown`, or a name of their own (RFC 7239, section 6)."""
    try:
        return str(ip_address(told.partition("%")[0]))
    except ValueError:
        return None
