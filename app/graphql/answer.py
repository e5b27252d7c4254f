"""Answers to GraphQL requests over HTTP: their bodies, and their status codes by media type."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError
from starlette.responses import Response

from app.graphql.request import GRAPHQL_JSON, JSON, BadRequest
from graph.writing import encoded

STATUSES = {
    "BUDGET_SPENT": 429,
    "INTERNAL_SERVER_ERROR": 500,
    "INTROSPECTION_REFUSED": 403,
    "OPERATION_TIMEOUT": 503,
    "TOO_MANY_OPERATIONS": 429,
}
"""What `application/graphql-response+json` tells of a request that was not executed, by code; else it is 400."""


def payload(result: Any) -> dict[str, Any]:
    """The body that tells a result; without `data` where nothing was executed, as the GraphQL specification has it."""
    body: dict[str, Any] = {} if was_not_executed(result) else {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def was_not_executed(result: Any) -> bool:
    """Whether the request failed as a whole: an error of a field has a path."""
    return result.data is None and bool(result.errors) and not any(error.path for error in result.errors)


def answer(result: Any, media_type: str) -> Response:
    """The answer to a well-formed request.

    Whoever asks for `application/json` cannot tell the status of the server from one of a proxy, so it is 200 whatever
    happened; `application/graphql-response+json` can only come from here.
    """
    status = 200
    if media_type == GRAPHQL_JSON and was_not_executed(result):
        status = STATUSES.get(_code(result.errors[0]), 400)
    return _Json(encoded(payload(result)), status, media_type=media_type)


def _code(error: GraphQLError) -> str:
    return (error.extensions or {}).get("code", "")


def refusal(refused: BadRequest, media_type: str | None = None) -> Response:
    """The answer to what is no GraphQL request."""
    response = error_response(refused.status, refused.code, str(refused), media_type)
    response.headers.update(refused.headers)
    return response


def error_response(status: int, code: str, message: str, media_type: str | None = None) -> Response:
    """One error, as every error of this server looks."""
    return _json({"errors": [{"message": message, "extensions": {"code": code}}]}, status, media_type)


def _json(body: Any, status: int, media_type: str | None) -> Response:
    # Two types only: of a stream that could not be begun, and to who accepts neither, JSON tells why.
    return _Json(encoded(body), status, media_type=GRAPHQL_JSON if media_type == GRAPHQL_JSON else JSON)


class _Json(Response):
    """A body of JSON, whose headers are the same each time but for its length."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002  (there are no others)
        self.raw_headers = [TYPES[self.media_type], (b"content-length", b"%d" % len(self.body))]


TYPES: dict[str | None, tuple[bytes, bytes]] = {
    each: (b"content-type", f"{each}; charset=utf-8".encode()) for each in (JSON, GRAPHQL_JSON)
}
