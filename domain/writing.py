"""What of things is selected where the database itself writes them, as the JSON that goes out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.reading import Filters, Page, PageRequest, Sort
from domain.value import value


class Form(Enum):
    """How a value is written."""

    TEXT = auto()
    NUMBER = auto()
    FLAG = auto()
    MOMENT = auto()
    """In UTC, as RFC 3339 has it."""
    AMOUNT = auto()
    """An exact decimal, as a text."""
    ID = auto()
    """The opaque id of a thing of some type."""
    CURSOR = auto()
    """The place of an item in its list, which is no attribute."""


@value
class Constant:
    """A text that is the same for all things."""

    name: str
    text: str


@value
class Leaf:
    """An attribute; `total.amount` is that of another one. `type_name` is that of an id."""

    name: str
    attribute: str
    form: Form
    is_required: bool
    type_name: str = ""


@value
class Group:
    """What stands in an object of its own, such as an amount with its currency."""

    name: str
    parts: "Sequence[Part]"


@value
class Edge:
    """What a relation leads to."""

    name: str
    target: "Target"


Part = Constant | Leaf | Group | Edge
"""A part of an object that is written, under the name that it has there."""


class Target:
    """What is selected of the things that a relation leads to, or of the items of a list, page by page.

    `key` is the attribute that a relation sets out from. A list has none, and the name of the relation to one of its
    items.
    """

    __slots__ = ("__weakref__", "digest", "is_list", "key", "parts", "relation")

    def __init__(self, relation: str, key: str, parts: Sequence[Part], *, is_list: bool) -> None:
        self.relation, self.key, self.parts, self.is_list = relation, key, parts, is_list
        self.digest = sha256(repr((relation, key, parts, is_list)).encode()).digest()
        """The same for all that select the same, whichever operation they belong to."""

    def __repr__(self) -> str:
        return f"Target({self.digest.hex()})"

    @property
    def edges(self) -> list[Edge]:
        """The relations that lead on, in their order."""
        return list(_edges(self.parts))

    @property
    def relations(self) -> list[str]:
        """The names of all relations that are followed."""
        return [self.relation, *(name for edge in self.edges for name in edge.target.relations)]


def _edges(parts: Sequence[Part]) -> Iterator[Edge]:
    for part in parts:
        if isinstance(part, Edge):
            yield part
        elif isinstance(part, Group):
            yield from _edges(part.parts)


@value
class Written:
    """A thing or a list of things as JSON, with all that was selected of it."""

    text: str
    things: int
    """How many things it tells of, each as often as it is told of."""


Turn = Callable[[], AbstractAsyncContextManager[None]]
"""A turn at what takes time and waits for nothing."""


class Writer(Protocol):
    """Writes things for queries: only what the viewer may see, as if the rest did not exist.

    What is selected for the first time, or in another way, takes time to prepare: that is done when it is its `turn`.
    """

    def knows(self, target: Target) -> bool:
        """Whether all that is selected can be written."""
        ...

    def lists(self, target: Target) -> bool:
        """Whether it can be written page by page."""
        ...

    async def write(self, viewer: Actor, target: Target, keys: Sequence[UUID], turn: Turn) -> Mapping[UUID, Written]:
        """What belongs to those keys to which something belongs. Lists are in their order."""
        ...

    async def page(
        self, viewer: Actor, target: Target, filters: Filters, sort: Sort, page: PageRequest, turn: Turn
    ) -> Page[Written]:
        """One page of the visible things that pass the filters.

        Raises:
            Refused: a cursor that this list did not make.
        """
        ...
