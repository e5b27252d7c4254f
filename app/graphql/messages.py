"""What a client may say over a WebSocket, and what it is answered: the messages of graphql-transport-ws.

The protocol is https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md; what it leaves open is done as its
reference server, the package `graphql-ws`, does it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from graphql import GraphQLError

PROTOCOL = "graphql-transport-ws"

BAD_REQUEST = 4400
"""A message of a type or a shape that the protocol does not know."""
UNAUTHORIZED = 4401
"""An operation before the connection was acknowledged."""
FORBIDDEN = 4403
"""The access token is not valid, or no longer."""
NOT_ACCEPTABLE = 4406
"""The client does not offer the sub-protocol."""
INIT_TIMEOUT = 4408
"""The client did not introduce itself in time."""
ALREADY_EXISTS = 4409
"""The id of an operation that still runs."""
TOO_MANY_INITS = 4429
"""The client introduced itself twice."""

LONGEST_ID = 256
"""Characters of an operation's id, which every answer repeats; the protocol names no bound, and a UUID has 36."""

ACKNOWLEDGED = b'{"type":"connection_ack"}'


class MalformedError(Exception):
    """A message of a type or a shape that the protocol does not know; its text says which."""


@dataclass(frozen=True, slots=True)
class Init:
    """The client introduces itself."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks whether the server is there; `answer` is what it is told, with whatever came with it."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer, which nobody needs to have asked for."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Run an operation, whatever its kind."""

    id: str
    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """Tell nothing more of an operation."""

    id: str


Message = Init | Ping | Pong | Subscribe | Complete


def read(text: str | bytes) -> Message:
    """What a frame says. Fields that the protocol does not name are passed over.

    Raises:
        MalformedError: it is no message of a client; one in a binary frame, which comes as bytes, is none.
    """
    if isinstance(text, bytes):
        raise MalformedError("A message must be text")
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise MalformedError("A message must be JSON") from None
    match said:
        case {"type": "connection_init"}:
            return Init(_map(said, "payload") or {})
        case {"type": "ping"}:
            return Ping(_pong(_map(said, "payload")))
        case {"type": "pong"}:
            _map(said, "payload")
            return Pong()
        case {"type": "subscribe"}:
            return _subscribe(_id(said), _map(said, "payload") or {})
        case {"type": "complete"}:
            return Complete(_id(said))
        case _:
            raise MalformedError("A message must be an object with a known `type`")


def _subscribe(operation: str, payload: dict[str, Any]) -> Subscribe:
    query, document_id = _text(payload, "query"), _text(payload, "documentId")
    extensions = _map(payload, "extensions")
    if query is None and document_id is None and "persistedQuery" not in (extensions or {}):
        raise MalformedError("`payload` must be an object with `query` or `documentId`")
    if query is not None and document_id is not None:
        raise MalformedError("`payload` must not have both `query` and `documentId`")
    name = _text(payload, "operationName")
    return Subscribe(operation, query, _map(payload, "variables"), name, extensions, document_id)


def _text(holder: dict[str, Any], name: str) -> str | None:
    value = holder.get(name)
    if not isinstance(value, str | None):
        raise MalformedError(f"`{name}` must be text")
    return value


def _map(holder: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = holder.get(name)
    if value is not None and not isinstance(value, dict):
        raise MalformedError(f"`{name}` must be an object")
    return cast("dict[str, Any] | None", value)


def _id(said: dict[str, Any]) -> str:
    value = said.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        raise MalformedError(f"`id` must be a text of 1 to {LONGEST_ID} characters")
    return value


def _pong(payload: dict[str, Any] | None) -> bytes:
    try:
        return orjson.dumps({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
    except orjson.JSONEncodeError:
        # What can be read may be nested more deeply than what can be written.
        raise MalformedError("`payload` is nested too deeply") from None


def before_payload(operation: str) -> bytes:
    """How each `next` of an operation begins; the rest is the same for all who are told the same."""
    return b'{"id":%b,"type":"next","payload":' % orjson.dumps(operation)


def rest(payload: bytes) -> bytes:
    """How it ends."""
    return payload + b"}"


def error(operation: str, errors: Sequence[GraphQLError]) -> bytes:
    """What ends an operation that could not be run."""
    return orjson.dumps({"id": operation, "type": "error", "payload": [each.formatted for each in errors]})


def too_many(operation: str, most: int) -> bytes:
    """What an operation is told that would be one too many on its socket."""
    message = f"At most {most} operations may run on a socket at once."
    return error(operation, [GraphQLError(message, extensions={"code": "TOO_MANY_OPERATIONS", "limit": most})])


def fault(operation: str, request_id: str) -> bytes:
    """What an operation is told that met a fault of ours before it had a result to hold it."""
    message = f"Something went wrong on our side. Request {request_id} is in the log."
    extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
    return error(operation, [GraphQLError(message, extensions=extensions)])


def complete(operation: str) -> bytes:
    """What ends an operation that has told everything."""
    return orjson.dumps({"id": operation, "type": "complete"})
