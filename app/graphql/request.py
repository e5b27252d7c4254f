"""Reading a GraphQL request from HTTP: what is asked, and in which form the answer is wanted.

The rules are those of GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/). What is no such request
is refused with a status and a sentence that names the place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
MEDIA_TYPES = (JSON, GRAPHQL_JSON, EVENT_STREAM)
"""What an answer may be; the first is for those who take anything."""

PARAMETERS = frozenset({"query", "documentId", "variables", "operationName", "extensions"})
PARAMETERS_MAX = 32
"""How many parameters a query string may have, those included that mean nothing here."""

TEXTS = ("query", "documentId", "operationName")
MAPS = ("variables", "extensions")


class BadRequest(Exception):
    """A request that is none of GraphQL over HTTP."""

    def __init__(self, message: str, status: int = 400, code: str = "BAD_REQUEST", **headers: str) -> None:
        """`headers` go out with the answer, with `_` for `-`."""
        super().__init__(message)
        self.status, self.code = status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a GraphQL request, each of the right type; empty texts count as left out."""

    query: str | None
    document_id: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


async def read_request(request: Request) -> Asked:
    """What a request asks for.

    Raises:
        BadRequest: it is malformed, of another media type, or sent by another method than GET and POST.
    """
    if request.method == "GET":
        return asked(_by_query_string(request.scope["query_string"]))
    if request.method == "POST":
        _must_be_json(request.headers)
        return asked(_decoded(await request.body(), "The body"))
    raise BadRequest("GraphQL takes GET and POST requests only.", 405, Allow="GET, POST")


def asked(given: Any) -> Asked:
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
    return Asked(query, document_id, variables, operation_name, extensions)


def wanted_type(accept: str) -> str | None:
    """The media type that answers an Accept header best; None where it takes none of ours.

    Of those with the same weight the one that is written first counts (RFC 9110, section 12.5.1, leaves that open).
    """
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


def _must_be_json(headers: Headers) -> None:
    """Only a type that no form can send: a page of another origin must ask first (CORS), and is told no."""
    content_type, charset = _content_type(headers.getlist("content-type"))
    if content_type != JSON:
        raise BadRequest(f"The Content-Type is not {JSON}.", 415, Accept_Post=JSON)
    if charset != "utf-8":
        raise BadRequest("The charset is not UTF-8.", 415, Accept_Post=JSON)
    # What was packed small could be unpacked into gigabytes.
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest("The body has a Content-Encoding. Send it as it is.", 415, Accept_Encoding="identity")


def _content_type(given: list[str]) -> tuple[str, str]:
    """Media type and charset; neither where there is not exactly one."""
    if given == [JSON]:
        return JSON, "utf-8"
    if len(given) != 1:
        return "", ""
    header = Message()
    header["Content-Type"] = given[0]
    # Where it cannot be read, the library answers text/plain.
    return header.get_content_type(), header.get_content_charset("utf-8")


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
