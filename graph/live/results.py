"""Results of subscriptions, as they go out."""

from typing import Any

from graphql import GraphQLError
from strawberry.types import ExecutionResult

from domain.refusals import Refused
from graph.errors import present
from graph.limits.rules import LimitCode, refusal
from graph.writing import encoded

FAULT = "INTERNAL_SERVER_ERROR"


def refusing(refused: Refused) -> ExecutionResult:
    """The result that tells of a refusal."""
    error = GraphQLError(str(refused), original_error=refused)
    return ExecutionResult(data=None, errors=[present(error, "")])


def too_slow(seconds: float) -> ExecutionResult:
    """The result of an event that took longer than that to be executed."""
    message = f"The event took longer than {seconds:g} seconds to be told."
    return ExecutionResult(data=None, errors=[refusal(LimitCode.OPERATION_TIMEOUT, message, limit=seconds)])


def encode(result: Any) -> bytes:
    """The payload of a `next` message."""
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    # Copied, for orjson writes into a kilobyte and gives back the rest in crumbs: a backlog of small results would take
    # many times their size.
    return bytes(memoryview(encoded(payload)))


def is_fault(result: Any) -> bool:
    """Whether something went wrong inside, be it for a part of the selection only."""
    errors: list[GraphQLError] = result.errors or []
    return any(error.extensions is not None and error.extensions.get("code") == FAULT for error in errors)
