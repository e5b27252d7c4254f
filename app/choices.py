"""What some settings choose between."""

from enum import StrEnum


class Environment(StrEnum):
    """Where the server runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The least important lines that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Execution(StrEnum):
    """What executes GraphQL operations."""

    COMPILED = "compiled"
    GRAPHQL_CORE = "graphql-core"
