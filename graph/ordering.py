"""The order of lists: a field and a direction."""

from enum import Enum, StrEnum
from typing import Protocol

from domain.reading import Sort
from graph.enums import register


class OrderDirection(StrEnum):
    """Which way a list runs."""

    ASC = "ASC"
    DESC = "DESC"


register(
    OrderDirection,
    "Which way a list runs.",
    {
        OrderDirection.ASC: "Lowest, first or earliest first.",
        OrderDirection.DESC: "Highest, last or latest first.",
    },
)


class Ordering(Protocol):
    """An `orderBy` input: its own enum of fields, and a direction."""

    @property
    def field(self) -> Enum: ...

    @property
    def direction(self) -> OrderDirection: ...


def sort_of(ordering: Ordering | None, default: Sort) -> Sort:
    """The domain's order from an `orderBy` input, or the list's own where none is given."""
    if ordering is None:
        return default
    return Sort(ordering.field.name, ordering.direction is OrderDirection.DESC)
