"""What an operation is compiled to: selections, each of one object type, and the fields in them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from domain.writing import Target
from graph.fields import Relation

if TYPE_CHECKING:
    from graph.execution.permissions import Permission
    from graph.execution.run import Run

# Their parameters are of no interest here.
NON_NULL: Any = GraphQLNonNull
LIST: Any = GraphQLList

Row = dict[str, Any]
"""An object of the answer. It has all its keys, in their order, from the start; values come as they are resolved."""


@dataclass(frozen=True, slots=True)
class Alone:
    """What the only value of a field comes by, and nothing around it that could be given up before it is awaited."""

    coming: Awaitable[Any]


Values = Callable[[Sequence[Any], "Run"], Sequence[Any] | Awaitable[Sequence[Any]] | Alone]
"""From objects to what a field of each holds, be it an exception or an awaitable."""

Rows = Callable[[Sequence[Any], "Run"], list[Row]]
"""From objects to their rows, in which what is read off them has its value."""

Complete = Callable[[Sequence[Any], Sequence[Row], "Run"], None]
"""Puts the values of a field into the rows, serialized, or with selections of their own."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A type as execution needs it: taken apart once."""

    is_required: bool
    item: "Shape | None"
    """What it is a list of; None where it is none."""
    named: Any
    """The type below all lists."""
    is_leaf: bool
    """Whether that is a scalar or an enum."""

    @classmethod
    def of(cls, graphql_type: Any) -> Self:
        """The shape of a type of graphql-core."""
        is_required = isinstance(graphql_type, NON_NULL)
        named = cast("Any", get_named_type(graphql_type))
        inner = graphql_type.of_type if is_required else graphql_type
        item = cls.of(inner.of_type) if isinstance(inner, LIST) else None
        return cls(is_required, item, named, is_leaf_type(named))

    @property
    def leaf(self) -> Any:
        """The scalar or enum that this is one of; None for lists and objects."""
        return self.named if self.is_leaf and self.item is None else None


@dataclass(slots=True, eq=False)
class Field:
    """A field of a selection, under its key in the answer."""

    key: str
    name: str
    parent: GraphQLObjectType
    definition: GraphQLField
    nodes: list[FieldNode]
    """Where it stands in the document, as often as it was merged."""
    shape: Shape
    attribute: str | None = None
    """The attribute of the parent that it shows; None where a function resolves it."""
    plain: Callable[[Any], Any] | None = None
    """The function that makes it of its parent alone, at once."""
    is_item: bool = False
    """Whether it holds things that may come written: the items of a page, or what is looked up."""
    relation: Relation | None = None
    """The edge that it follows, and does nothing else."""
    target: Target | None = None
    """What is selected of each item of a list, or of what is looked up, where all of that may be written."""
    values: Values | None = None
    """None where the rows are made with the value in them: leaves, and objects of nothing else."""
    permission: "Permission | None" = None
    """What is asked before they are. Then nothing but `values` tells where they come from: there is no way past it."""
    complete: Complete = field(init=False)
    """What becomes of them."""
    selection: "Selection | None" = None
    """What is selected of it; None for leaves, and where the type is known only of each object."""
    selections: "Callable[[GraphQLObjectType], Selection] | None" = None
    """What is selected of it by the type of the object, where it may be one of several."""

    @property
    def is_read_off(self) -> bool:
        """Whether nothing but looking at the object that holds it is needed for all that is selected of it."""
        if self.selection is not None and self.shape.item is None:
            return not self.selection.started
        return self.shape.leaf is not None

    @property
    def is_at_hand(self) -> bool:
        """Whether nothing but the object that holds it is needed to know its value."""
        return self.attribute is not None or self.plain is not None

    def selected(self, graphql_type: GraphQLObjectType) -> "Selection":
        """What is selected of an object of one of the types that this field may lead to."""
        if self.selection is not None:
            return self.selection
        if self.selections is None:
            raise TypeError(f"{self.parent}.{self.name} leads to no objects.")
        return self.selections(graphql_type)

    def start(self, objects: Sequence[Any], rows: Sequence[Row], run: "Run") -> None:
        """Resolve the field for all objects of which that is permitted."""
        if self.permission is not None:
            self.permission.start(self, objects, rows, run)
        else:
            self.resolve(objects, rows, run)

    def resolve(self, objects: Sequence[Any], rows: Sequence[Row], run: "Run") -> None:
        """Find the values of all objects, and put them into their rows, now or later."""
        if self.values is None:
            return
        complete, found = self.complete, self.values(objects, run)
        if isinstance(found, list):
            complete(found, rows, run)
            return
        if isinstance(found, Alone):
            run.later(found.coming, lambda outcome: complete([outcome], rows, run))
            return

        def finish(outcome: Any) -> None:
            complete([outcome] * len(rows) if isinstance(outcome, BaseException) else outcome, rows, run)

        run.later(found, finish)  # pyright: ignore[reportArgumentType]  (a sequence at hand is a list)


@dataclass(slots=True, eq=False)
class Selection:
    """What is selected of objects of one type."""

    type: GraphQLObjectType
    fields: list[Field]
    rows: Rows
    started: list[Field] = field(init=False)
    """Those whose values are not in the rows from the start."""

    def __post_init__(self) -> None:
        self.started = [each for each in self.fields if each.values is not None]

    def enter(self, objects: Sequence[Any], run: "Run") -> list[Row]:
        """The rows of objects. Fields that take time are under way when this returns."""
        rows = self.rows(objects, run)
        for each in self.started:
            each.start(objects, rows, run)
        return rows


@dataclass(slots=True, eq=False)
class Plan:
    """A compiled operation."""

    root: Selection
    is_serial: bool
    """Whether each root field waits until the one before it is done: the rule for mutations."""
    size: int
    """How many fields it has."""
