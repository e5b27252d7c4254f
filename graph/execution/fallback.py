"""What is not compiled but left to graphql-core, and how often that happens."""

from collections import Counter
from enum import StrEnum


class Reason(StrEnum):
    """Why an operation runs through graphql-core."""

    INTROSPECTION = "introspection"
    DIRECTIVE = "directive"
    FRAGMENT_VARIABLES = "fragment variables"
    ASYNC_TYPE = "a type that is told asynchronously"
    FOREIGN_FIELD = "field not declared by Strawberry"
    NESTED_TOO_DEEPLY = "nested too deeply"
    NO_SOURCE = "document without its text"
    MIDDLEWARE = "an extension wraps resolvers"
    ABORT_SIGNAL = "abort signal"


class NotCompiled(Exception):
    """An operation is left to graphql-core."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Tally:
    """How many operations ran compiled, and how many did not, by the reason."""

    def __init__(self) -> None:
        self.compiled = 0
        self.fallbacks: Counter[Reason] = Counter()
