"""What must never reach the log: passwords, tokens, and whatever else opens a door."""

import re
from functools import lru_cache
from typing import Any, cast

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"
DEEPEST = 4
"""How deep values within values are looked into; what lies deeper is not told."""

PLAIN = (int, float)
"""What is a number tells no secret, whatever its name."""

MARKS = ("eyj", "bearer ", "basic ", "$argon2", "$2", "://", "-----begin")
"""One of these stands in every secret that is known by its looks; most lines have none, and are looked at no closer."""

NAMES = re.compile(r"authorization|cookie|passw|secret|token|credential|signing.?key|private.?key", re.IGNORECASE)
"""Names of what is hidden whatever it is."""

SECRETS = re.compile(
    # A token that we or somebody else signed, each of whose parts begins as JSON in base64 does. What only begins
    # as one is hidden too: else a line full of beginnings would be read to its end from each of them.
    r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}"
    r"|(?<=bearer )[^\s\"',]+|(?<=basic )[\w+/=]{8,}"
    # Hashes of passwords.
    r"|\$argon2[\w$=,.+/-]+|\$2[aby]\$\d\d\$[./\w]{53}"
    # A password within an address.
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""What is hidden wherever it stands."""


def masked(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """A processor of the log: hides secrets by their names and by their looks."""
    return {name: _named(name, value, DEEPEST) for name, value in line.items()}


def hide(text: str) -> str:
    """The text without the secrets in it."""
    small = text.lower()
    for mark in MARKS:
        if mark in small:
            return SECRETS.sub(HIDDEN, text)
    return text


@lru_cache
def _is_secret(name: object) -> bool:
    return isinstance(name, str) and NAMES.search(name) is not None


def _named(name: object, value: Any, left: int) -> Any:
    if value is None or isinstance(value, PLAIN):
        return value
    if _is_secret(name):
        return HIDDEN
    return hide(value) if isinstance(value, str) else _within(value, left)


def _within(value: Any, left: int) -> Any:
    match value:
        case dict() | list() | tuple() if left == 0:
            return HIDDEN
        case dict():
            named = cast("dict[object, Any]", value)
            return {name: _named(name, each, left - 1) for name, each in named.items()}
        case list() | tuple():
            return [_named(None, each, left - 1) for each in cast("list[Any]", value)]
        case _:
            # It would be told by its `repr`.
            return hide(repr(value))
