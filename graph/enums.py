"""Gives the domain's enums their descriptions in the schema; each value must have one."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import strawberry

E = TypeVar("E", bound=Enum)


def register(enum: type[E], description: str, values: Mapping[E, str], name: str | None = None) -> None:
    """Register an enum of the domain as a GraphQL enum.

    Raises:
        KeyError: a value has no description.
        RuntimeError: a type that mentions the enum was declared before; Strawberry would then know two of them.
    """
    if hasattr(enum, "__strawberry_definition__"):
        raise RuntimeError(f"{enum.__name__} must be registered before it is mentioned.")
    registered: Any = strawberry.enum(enum, name=name, description=description)
    for value in registered.__strawberry_definition__.values:
        value.description = values[enum[value.name]]
