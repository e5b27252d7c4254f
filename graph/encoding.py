"""Answers as they go out: JSON, in which parts may be written already."""

from typing import Any

import orjson

from domain.writing import Written


def encoded(body: Any) -> bytes:
    """The body of an answer."""
    # The library would take what is written for an object like others.
    return orjson.dumps(body, default=_written, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def _written(part: Any) -> orjson.Fragment:
    if not isinstance(part, Written):
        raise TypeError(f"{type(part).__name__} is not JSON.")
    return orjson.Fragment(part.text)
