"""What operations are held to, and the errors that say so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from graphql import GraphQLError


class LimitCode(StrEnum):
    """The `extensions.code` of what goes beyond a limit. Each has a heading in docs/errors.md."""

    DOCUMENT_TOO_LONG = "DOCUMENT_TOO_LONG"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    TOO_DEEP = "TOO_DEEP"
    TOO_MANY_FIELDS = "TOO_MANY_FIELDS"
    TOO_MANY_DUPLICATES = "TOO_MANY_DUPLICATES"
    TOO_MANY_ROOT_FIELDS = "TOO_MANY_ROOT_FIELDS"
    TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
    TOO_MANY_DIRECTIVES = "TOO_MANY_DIRECTIVES"
    LIST_TOO_LONG = "LIST_TOO_LONG"
    INPUT_TOO_DEEP = "INPUT_TOO_DEEP"
    VARIABLES_TOO_LARGE = "VARIABLES_TOO_LARGE"
    COST_TOO_HIGH = "COST_TOO_HIGH"
    BUDGET_SPENT = "BUDGET_SPENT"
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    OPERATION_TIMEOUT = "OPERATION_TIMEOUT"
    INTROSPECTION_REFUSED = "INTROSPECTION_REFUSED"


class Introspection(StrEnum):
    """Who may ask what the schema is like, and is told which name was probably meant."""

    EVERYONE = "everyone"
    SIGNED_IN = "signed-in"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process; the settings of the same names describe each."""

    document_chars: int
    tokens: int
    depth: int
    fields: int
    duplicates: int
    root_fields: int
    aliases: int
    directives: int
    list_items: int
    input_depth: int
    variables_size: int
    cost: int
    operation_seconds: float
    report_seconds: float
    introspection: Introspection


def refusal(code: LimitCode, message: str, **facts: Any) -> GraphQLError:
    """The error of an operation that is not executed; `facts` stand beside its code."""
    return GraphQLError(message, extensions={"code": code.value, **facts})


def exceeded(code: LimitCode, limit: int, found: int, what: str) -> GraphQLError:
    """The error of something that is `found` so large while `limit` is allowed."""
    return refusal(code, f"{what}: {found} were found, {limit} are allowed.", limit=limit, found=found)
