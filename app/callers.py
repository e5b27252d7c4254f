"""Who calls, and from where: by the headers of a request, or the first message of a socket."""

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
    return actor.user_id or origin.network
