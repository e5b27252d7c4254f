"""How lists are read: comparisons, order, pages by keyset cursor, and the promise of every reader."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from domain.actor import Actor
from domain.value import value

T_co = TypeVar("T_co", covariant=True)

MAX_PAGE = 100
DEFAULT_PAGE = 20


@value
class Compare:
    """Conditions on one field; those that are given must all hold, None is not given."""

    eq: Any = None
    in_: Sequence[Any] | None = None
    gt: Any = None
    gte: Any = None
    lt: Any = None
    lte: Any = None
    starts_with: str | None = None
    contains: str | None = None

    def holds(self, value: Any) -> bool:
        """Whether a value that is at hand meets the conditions; a missing one meets none but the empty ones."""
        conditions: tuple[tuple[Any, Callable[[Any], bool]], ...] = (
            (self.eq, lambda wanted: value == wanted),
            (self.in_, lambda wanted: value in wanted),
            (self.gt, lambda wanted: value is not None and value > wanted),
            (self.gte, lambda wanted: value is not None and value >= wanted),
            (self.lt, lambda wanted: value is not None and value < wanted),
            (self.lte, lambda wanted: value is not None and value <= wanted),
            (self.starts_with, lambda wanted: value is not None and value.startswith(wanted)),
            (self.contains, lambda wanted: value is not None and wanted.lower() in value.lower()),
        )
        return all(condition(wanted) for wanted, condition in conditions if wanted is not None)


Filters = Mapping[str, Compare]
"""Conditions by the public name of the field; all of them must hold."""


def passes(filters: Filters, facts: Mapping[str, Any]) -> bool:
    """Whether facts that are at hand, by the names of the filters, meet all conditions."""
    return all(compare.holds(facts[name]) for name, compare in filters.items())


@value
class Sort:
    """The field a list is ordered by, under its public name; ties are broken by the id."""

    field: str
    descending: bool = False


@value
class PageRequest:
    """A window of `size` items after or before a cursor.

    `backwards` asks for the last items of the window (`last`/`before`), still given in list order.
    """

    size: int = DEFAULT_PAGE
    after: str | None = None
    before: str | None = None
    backwards: bool = False


@value
class Page(Generic[T_co]):
    """Items in list order, each with the opaque cursor of its place."""

    items: Sequence[T_co]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


class Reader(Protocol[T_co]):
    """Reads one kind of thing for queries: only what the viewer may see, as if the rest did not exist."""

    async def by_ids(self, viewer: Actor, ids: Sequence[UUID]) -> Mapping[UUID, T_co]:
        """Those of the ids that exist and are visible."""
        ...

    async def page(self, viewer: Actor, filters: Filters, sort: Sort, page: PageRequest) -> Page[T_co]:
        """One page of the visible things that pass the filters.

        Raises:
            Refused: a cursor that this list did not make.
        """
        ...

    async def count(self, viewer: Actor, filters: Filters) -> int:
        """How many visible things pass the filters."""
        ...
