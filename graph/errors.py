"""Refusals as data in `userErrors`, and top-level errors with a code; faults are masked and logged."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields
from typing import Any, TypeVar

import strawberry
import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import StreamExecutionResult

from domain import refusals
from domain.refusals import ErrorCode, Refused, TookTooLong
from graph.context import Context, Info
from graph.enums import register
from graph.limits.rules import LimitCode
from graph.node import object_type

log = structlog.get_logger("orderwire.graph")

P = TypeVar("P")

register(
    ErrorCode,
    "Why something was refused. docs/errors.md says what to do about each.",
    {
        ErrorCode.BAD_INPUT: "The input breaks a written rule; `field` names the place.",
        ErrorCode.BUSY: "The server has as much of this to do as it takes on; try again in a moment.",
        ErrorCode.CURSOR_EXPIRED: "Events after the cursor are kept no longer.",
        ErrorCode.EMAIL_NOT_VERIFIED: "A user has this address and never proved that it is theirs.",
        ErrorCode.EMAIL_TAKEN: "Another user has this e-mail address.",
        ErrorCode.FORBIDDEN: "You are known, and may not do this.",
        ErrorCode.IDEMPOTENCY_CONFLICT: "The idempotency key was used before for another input.",
        ErrorCode.ILLEGAL_TRANSITION: "The order cannot go from its state to the wanted one.",
        ErrorCode.INSUFFICIENT_STOCK: "Less is available than is asked for.",
        ErrorCode.INVALID_CREDENTIALS: "The username or the password is wrong.",
        ErrorCode.INVALID_CURSOR: "The cursor is not one of this log.",
        ErrorCode.INVALID_TOKEN: "The token is unknown, expired or used up.",
        ErrorCode.LAST_ADMIN: "Without this admin there would be none.",
        ErrorCode.MIXED_CURRENCIES: "The lines of one order are in one currency.",
        ErrorCode.NOT_FOUND: "It does not exist, or you may not know of it.",
        ErrorCode.ON_HAND_CONFLICT: "The stock level changed since you counted.",
        ErrorCode.REGISTRATION_CLOSED: "New users are not made by signing in with a provider.",
        ErrorCode.RESYNC: "The subscriber fell too far behind; resume from the cursor in `extensions`.",
        ErrorCode.RETURN_EXCEEDS: "More of a line was to come back than still can.",
        ErrorCode.ROLE_EXCEEDS: "The role has scopes that you lack.",
        ErrorCode.TOO_MANY_ATTEMPTS: "The same was tried too often; try again later.",
        ErrorCode.UNAUTHENTICATED: "Sign in first.",
        ErrorCode.UNKNOWN_SKU: "No variant has this SKU.",
        ErrorCode.USERNAME_TAKEN: "Another user has this name, regardless of case.",
        ErrorCode.VERSION_CONFLICT: "It changed since you read it.",
    },
)


@strawberry.interface(description="Why a mutation was refused. Nothing was changed.")
class UserError:
    """What every refusal tells."""

    code: ErrorCode = strawberry.field(description="The kind of refusal, for programs.")
    message: str = strawberry.field(description="The refusal in a sentence, for people.")
    field: list[str] | None = strawberry.field(
        description="The path to the argument it speaks of, such as `input`, `lines`, `0`, `quantity`."
    )


@strawberry.type(description="A refusal whose code and field say it all.")
class PlainError(UserError):
    """A refusal without further facts."""

    @staticmethod
    def is_type_of(obj: object, _info: object) -> bool:
        return type(obj) is refusals.Refusal


@object_type(refusals.VersionConflict, "The thing changed since you read it.")
class VersionConflict(UserError):
    """`expectedVersion` was not the current version."""

    current: int = strawberry.field(description="The version it is at now.")


@object_type(refusals.IdempotencyConflict, "The idempotency key was used before for another input.")
class IdempotencyConflict(UserError):
    """One key, two inputs."""

    key: strawberry.ID = strawberry.field(description="The key.")


@object_type(refusals.TooManyAttempts, "The same was tried too often.")
class TooManyAttempts(UserError):
    """A limit of an account or of a network address."""

    retry_after: int = strawberry.field(description="Seconds until it may be tried again.")


@object_type(refusals.Busy, "The server has as much of this to do as it takes on.")
class Busy(UserError):
    """A line that is too long to wait in."""

    retry_after: int = strawberry.field(description="Seconds to wait, at least.")


async def outcome(info: Info, payload: Callable[..., P], field: str | None, work: Awaitable[Any]) -> P:
    """Run a command and put its result, or its refusals, into a payload.

    With `field` None the payload takes the attributes of the result itself, if there is one. What was read before the
    command is forgotten: a document may hold several mutations, and each answers with what is true after it.
    """
    try:
        result = await work
    except Refused as refused:
        return payload(user_errors=list(refused.refusals))
    finally:
        info.context.renew_loaders()
    if field is None:
        taken = fields(result) if result is not None else ()
        return payload(user_errors=[], **{each.name: getattr(result, each.name) for each in taken})
    return payload(user_errors=[], **{field: result})


class PresentErrors(SchemaExtension):
    """Gives each top-level error of a stream a code; those of a single result are presented by the schema."""

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        present_all(result, self.execution_context.context)
        yield


def present_all(result: Any, context: Context) -> None:
    """Give each error of a result a code; hide what went wrong inside, and from strangers what the schema is like."""
    errors: list[GraphQLError] | None = getattr(result, "errors", None)
    if errors:
        presented = [present(error, context.request_id) for error in errors]
        result.errors = presented if context.may_introspect else [_without_suggestion(error) for error in presented]


def present(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as a client may see it; a second presentation changes nothing."""
    cause = error.original_error
    if error.extensions and "code" in error.extensions:
        return error
    if isinstance(cause, Refused):
        first = cause.refusals[0]
        extensions: dict[str, Any] = {"code": first.code.value, **cause.extensions}
        if first.field:
            extensions["field"] = list(first.field)
        return _shown(error, str(cause), extensions)
    if mistake := _mistake(error, cause):
        return mistake
    if isinstance(cause, TookTooLong):
        log.warning("statement_timed_out", request_id=request_id, path=error.path)
        message = f"A part of the answer took too long to read. Request {request_id} is in the log."
        return _shown(error, message, {"code": LimitCode.OPERATION_TIMEOUT.value, "requestId": request_id})
    log.error("fault", request_id=request_id, path=error.path, exc_info=cause)
    message = f"Something went wrong on our side. Request {request_id} is in the log."
    return _shown(error, message, {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id})


def _mistake(error: GraphQLError, cause: Exception | None) -> GraphQLError | None:
    """The error as the client's own mistake, where it is one."""
    if isinstance(cause, MissingQueryError):
        return _shown(error, "No GraphQL query found in the request", {"code": "BAD_REQUEST"})
    if isinstance(cause, CannotGetOperationTypeError | InvalidOperationTypeError):
        return _shown(error, error.message, {"code": "BAD_REQUEST"})
    if isinstance(cause, ValueError) and "integer string conversion" in str(cause):
        # Python refuses to read a number of thousands of digits.
        return _shown(error, "A number in the document is too long.", {"code": "GRAPHQL_VALIDATION_FAILED"})
    if cause is None or isinstance(cause, GraphQLError):
        code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "GRAPHQL_VALIDATION_FAILED"
        return _shown(error, error.message, {"code": code})
    return None


def _without_suggestion(error: GraphQLError) -> GraphQLError:
    """The error without the names that were probably meant, which graphql-core puts at the end of its messages."""
    extensions = error.extensions or {}
    message, suggestion, _ = error.message.partition(" Did you mean ")
    if not suggestion or extensions.get("code") != "GRAPHQL_VALIDATION_FAILED":
        return error
    return _shown(error, message, extensions)


def _shown(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
