"""Who calls, and from where: by the headers of a request, or the first message of a socket."""

from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from starlette.requests import HTTPConnection

from domain.actor import Actor, Origin
from domain.tokens.ports import TokenIssuer

Caller = UUID | str | None
"""Whom limits are counted for: a user, or else the address of somebody who has not signed in."""


def actor_of(issuer: TokenIssuer, authorization: str | None) -> Actor:
    """Whom the value of an Authorization header names; nobody without one.

    Raises:
        Refused: it is no bearer token of ours.
    """
    if not authorization:
        return Actor.anonymous()
    scheme, _, token = authorization.partition(" ")
    return issuer.actor(token.strip() if scheme.lower() == "bearer" else "")


def origin_of(connection: HTTPConnection) -> Origin:
    """Which request this is, and where it comes from."""
    return Origin(connection.state.request_id, connection.client.host if connection.client else None)


def caller_of(actor: Actor, origin: Origin) -> Caller:
    """Whom to count something for."""
    return actor.user_id or _network(origin.address)


def _network(address: str | None) -> str | None:
    """The address, or of IPv6 the 64 bits that one customer of a provider has; the others are theirs to choose."""
    try:
        is_long = address is not None and isinstance(ip_address(address), IPv6Address)
    except ValueError:
        # A Unix socket, or whatever a proxy has told.
        return address
    return str(ip_network(f"{address}/64", strict=False)) if is_long else address
