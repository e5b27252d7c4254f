"""Reading a GraphQL request from HTTP: what is asked, and in which form the answer is wanted.

The rules are those of GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/). What is no such request
is refused with a status and a sentence that names the place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
MEDIA_TYPES = (JSON, GRAPHQL_JSON, EVENT_STREAM)
"""What an answer may be; the first is for those who take anything."""

PARAMETERS = frozenset({"query", "documentId", "variables", "operationName", "extensions"})
PARAMETERS_MAX = 32
"""How many parameters a query string may have, those included that mean nothing here."""

ACCEPTS, ACCEPT_CHARS = 256, 256
"""How many Accept headers are remembered, and the longest of them: a client sends the same one each time."""

ACCEPT_MAX = 4_096
"""The longest Accept that is read: to find out what one of 64 kB says takes as long as hundreds of requests."""

TYPE_CHARS = 256
"""The longest Content-Type that is read: the library takes seconds to find out what one of 64 kB says."""

TEXTS = ("query", "documentId", "operationName")
MAPS = ("variables", "extensions")


class BadRequest(Exception):
    """A request that is none of GraphQL over HTTP."""

    def __init__(self, message: str, status: int = 400, code: str = "BAD_REQUEST", **headers: str) -> None:
        """`headers` go out with the answer, with `_` for `-`."""
        super().__init__(message)
        self.status, self.code = status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Head:
    """What comes before the body of a request: its method, its query string and its headers."""

    __slots__ = ("_headers", "method", "query_string")

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(self._headers) < len(scope["headers"]):
            # What comes in several lines is one list (RFC 9110, section 5.3).
            for name in self._headers:
                self._headers[name] = b", ".join(value for each, value in scope["headers"] if each == name)

    def get(self, name: bytes) -> str:
        """The value of a header, by its name in lower case; an empty text where there is none."""
        return self._headers.get(name, b"").decode("latin-1")


@dataclass(slots=True)
class Parameters:
    """The parameters of a GraphQL request, each of the right type; empty texts count as left out."""

    query: str | None
    document_id: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


async def read_request(head: Head, receive: Receive) -> Parameters:
    """What a request asks for.

    Raises:
        BadRequest: it is malformed, of another media type, or sent by another method than GET and POST.
        ClientDisconnect: the client left before it had sent all of it.
    """
    if head.method == "GET":
        return parameters_of(_by_query_string(head.query_string))
    if head.method == "POST":
        _must_be_json(head)
        return parameters_of(_decoded(await _body(receive), "The body"))
    raise BadRequest("GraphQL takes GET and POST requests only.", 405, Allow="GET, POST")


def parameters_of(given: Any) -> Parameters:
    """The parameters in a decoded message, whichever way it came.

    Raises:
        BadRequest: one has another type, or nothing says what to run.
    """
    if isinstance(given, list):
        raise BadRequest("The body is a list. Several operations in one request are not taken: send one map each.")
    if not isinstance(given, dict):
        raise BadRequest("The body is not a map with `query` or `documentId`.")
    parameters = cast("dict[str, Any]", given)
    texts = [_typed(parameters, name, str, "a string") or None for name in TEXTS]
    variables, extensions = [_typed(parameters, name, dict, "a map") for name in MAPS]
    query, document_id, operation_name = texts
    if query and document_id:
        raise BadRequest("There are both `query` and `documentId`: send one of the two.")
    if not (query or document_id or (extensions and "persistedQuery" in extensions)):
        raise BadRequest("There is neither `query` nor `documentId`.")
    return Parameters(query, document_id, variables, operation_name, extensions)


def wanted_type(accept: str) -> str | None:
    """The media type that answers an Accept header best; None where it takes none of ours.

    Of those with the same weight the one that is written first counts (RFC 9110, section 12.5.1, leaves that open).
    One that is too long takes none.
    """
    if len(accept) > ACCEPT_MAX:
        return None
    return _wanted(accept) if len(accept) <= ACCEPT_CHARS else _wanted.__wrapped__(accept)


@lru_cache(ACCEPTS)
def _wanted(accept: str) -> str | None:
    if not accept.strip():
        return JSON
    best, best_weight = None, 0.0
    for part in accept.split(","):
        media_range, weight = _media_range(part)
        found = next((each for each in MEDIA_TYPES if _matches(media_range, each)), None)
        if found is not None and weight > best_weight:
            best, best_weight = found, weight
    return best


def _typed(parameters: Mapping[str, Any], name: str, kind: type, called: str) -> Any:
    value = parameters.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"`{name}` is not {called}.")
    return value


def _by_query_string(raw: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except UnicodeDecodeError:
        raise BadRequest("The query string is not percent-encoded UTF-8.") from None
    except ValueError:
        raise BadRequest(f"The query string has more than {PARAMETERS_MAX} parameters.") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in given and name in PARAMETERS:
            raise BadRequest(f"`{name}` is given twice.")
        given[name] = value
    for name in MAPS:
        if name in given:
            given[name] = _decoded(given[name].encode(), f"`{name}`") if given[name] else None
    return given


async def _body(receive: Receive) -> bytes:
    """The whole body. Nearly always it comes at once, which is no work for a generator, as the framework has it."""
    parts: list[bytes] = []
    is_whole = False
    while not is_whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        is_whole = not message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _must_be_json(head: Head) -> None:
    """Only a type that no form can send: a page of another origin must ask first (CORS), and is told no."""
    content_type, charset = _content_type(head.get(b"content-type"))
    if content_type != JSON:
        raise BadRequest(f"The Content-Type is not {JSON}.", 415, Accept_Post=JSON)
    if charset != "utf-8":
        raise BadRequest("The charset is not UTF-8.", 415, Accept_Post=JSON)
    # What was packed small could be unpacked into gigabytes.
    if head.get(b"content-encoding").lower() not in {"", "identity"}:
        raise BadRequest("The body has a Content-Encoding. Send it as it is.", 415, Accept_Encoding="identity")


def _content_type(given: str) -> tuple[str, str]:
    """Media type and charset; another type where there is none, more than one, or one that is not to be read."""
    if given == JSON:
        return JSON, "utf-8"
    if len(given) > TYPE_CHARS:
        return "", ""
    header = Message()
    header["Content-Type"] = given
    try:
        # Where it cannot be read, the library answers text/plain, or fails at parts of a charset (RFC 2231).
        return header.get_content_type(), header.get_content_charset("utf-8")
    except (TypeError, ValueError):
        return "", ""


def _decoded(raw: bytes, place: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"{place} is not JSON: {error}") from None


def _media_range(part: str) -> tuple[str, float]:
    """The range and its weight; a weight of none where it can be read no further, or wants another charset."""
    media_range, *parameters = [each.strip().lower() for each in part.split(";")]
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            return media_range, 0.0
        if name == "q":
            weight = _weight(value)
    return media_range, weight


def _weight(value: str) -> float:
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    # Compared this way round, what is not a number weighs nothing either.
    return weight if 0 <= weight <= 1 else 0.0


def _matches(media_range: str, media_type: str) -> bool:
    return media_range in {media_type, "*/*", f"{media_type.partition('/')[0]}/*"}
