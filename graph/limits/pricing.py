"""What an operation costs: a tree that is made of it once, and read with the variables of each request.

The rules, in the order in which they apply:

1. A field with a row in graph/limits/weights.py costs what stands there; a mutation and a subscription that have none,
   what stands there for them.
2. A page costs as many objects as are asked for by `first` or `last`. `totalCount` costs extra.
3. A relation, and a look-up at the root, costs one for each object. A list whose length no argument tells is taken to
   have five items.
4. Everything else is an attribute of its parent, and free.

What is selected of the items of a list counts once for each. What an answer really cost is read from the answer by the
same tree, with the lengths of its lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,  # pyright: ignore[reportUnknownVariableType]
    value_from_ast_untyped,
)

from domain.writing import Written
from graph.fields import RELATION
from graph.limits.arguments import Conditions, Size, Variables, argument, conditions_of, length_of, page_size, size_of
from graph.limits.weights import ASSUMED_ITEMS, COUNT, DESCRIBED, MUTATION, OBJECT, SUBSCRIPTION, WEIGHTS, Weight

REPORTS = "reports"
"""The field of the root that leads to what may take longer than the rest."""

Below = dict[tuple[str, Conditions], "Priced"]


@dataclass(slots=True)
class Priced:
    """One field of the answer, with what is asked for below it.

    `call` is the cost of the field itself, `each` that of each object in it. `sizes` tell how many objects it has: of
    several, which come from several fragments, the largest counts.
    """

    key: str
    name: str
    conditions: Conditions
    call: float = 0
    each: float = 0
    is_list: bool = False
    is_page: bool = False
    sizes: list[Size] = field(default_factory=list[Size])
    per: Size | None = None
    below: Below = field(default_factory=dict[tuple[str, Conditions], "Priced"])

    def requested(self, variables: Variables, page: int = 0) -> float:
        """The most that this may cost; `page` is the size of the page of which it is a part."""
        if not _holds(self.conditions, variables):
            return 0
        if self.is_page:
            size = self._size(variables)
            return self.call + size * OBJECT + sum(each.requested(variables, size) for each in self.below.values())
        count = (page or self._size(variables)) if self.is_list else 1
        inner = sum(each.requested(variables) for each in self.below.values())
        return self._call(variables) + count * (self.each + inner)

    def actual(self, parents: Sequence[dict[str, Any]], variables: Variables) -> float:
        """What this has cost, by the parts of the answer that it stands in."""
        if not parents or not _holds(self.conditions, variables):
            return 0
        cost = len(parents) * self._call(variables)
        key = self.key
        objects = [value for parent in parents if (value := parent.get(key)) is not None]
        are_written = Written in {*map(type, objects)}
        if self.is_list and not are_written:
            objects = list(chain.from_iterable(objects))
            are_written = Written in {*map(type, objects)}
        if are_written:
            # The rows of a page are counted with the page.
            return cost + sum([each.things - (not self.each) for each in objects]) * OBJECT
        if self.is_page:
            cost += sum(self._rows(page, variables) for page in objects) * OBJECT
        cost += len(objects) * self.each
        if self.below:
            there = [one for one in objects if one is not None]
            cost += sum(each.actual(there, variables) for each in self.below.values())
        return cost

    def prune(self) -> bool:
        """Forget what is free; tell whether this is not. Of a page its lists are kept, whose lengths count."""
        for place, each in tuple(self.below.items()):
            if not each.prune() and not (self.is_page and each.is_list):
                del self.below[place]
        return bool(self.call or self.each or self.is_page or self.below)

    def _rows(self, page: dict[str, Any], variables: Variables) -> int:
        """How many rows a page has; what was asked for, where none of its lists was selected."""
        rows = [len(page[each.key]) for each in self.below.values() if each.is_list and each.key in page]
        return max(rows) if rows else max((each(variables) for each in self.sizes), default=0)

    def _size(self, variables: Variables) -> int:
        return max((each(variables) for each in self.sizes), default=ASSUMED_ITEMS)

    def _call(self, variables: Variables) -> float:
        return self.call * self.per(variables) if self.per else self.call


@dataclass(slots=True)
class Price:
    """What an operation costs."""

    roots: tuple[Priced, ...]
    defaults: Variables
    """Of the variables that the operation gives one to."""
    asks_reports: bool
    """Whether it asks for reports, which may take their time."""
    fixed: int | None = field(init=False)
    """The most that it may cost, where that depends on no variable."""

    def __post_init__(self) -> None:
        try:
            self.fixed = self._requested(_Unread())
        except _VariableRead:
            self.fixed = None

    def requested(self, variables: Variables | None) -> int:
        """The most that the operation may cost with these variables; never nothing."""
        return self._requested(self._given(variables)) if self.fixed is None else self.fixed

    def actual(self, data: dict[str, Any], variables: Variables | None) -> int:
        """What the operation has cost, by its answer; never nothing."""
        given = self._given(variables)
        return max(1, ceil(sum([each.actual([data], given) for each in self.roots])))

    def _requested(self, given: Variables) -> int:
        return max(1, ceil(sum([each.requested(given) for each in self.roots])))

    def _given(self, variables: Variables | None) -> Variables:
        return {**self.defaults, **(variables or {})} if self.defaults else variables or {}


class _VariableRead(Exception):
    """Somebody wanted to know the value of a variable."""


class _Unread(dict[str, Any]):
    """Variables of which nobody may know anything."""

    def get(self, *_: Any) -> Any:
        raise _VariableRead


def priced(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]
) -> Price:
    """The price of an operation that is valid, and whose expanded selection is of bounded size."""
    root = cast("GraphQLObjectType", schema.get_root_type(operation.operation))
    roots: Below = {}
    _Pricing(schema, fragments).collect(roots, root, operation.selection_set, frozenset())
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    paying = tuple(each for each in roots.values() if each.prune())
    return Price(paying, defaults, any(each.name == REPORTS for each in roots.values()))


class _Pricing:
    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._schema, self._fragments = schema, fragments

    def collect(
        self, below: Below, parent: GraphQLNamedType, selections: SelectionSetNode, conditions: Conditions
    ) -> None:
        """Put the fields of a selection set, and of the fragments in it, to what is known of their place."""
        for node in selections.selections:
            held = conditions | conditions_of(node.directives)
            if isinstance(node, FieldNode):
                self._field(below, cast("GraphQLObjectType", parent), node, held)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments[node.name.value]
                self.collect(below, self._type(fragment), fragment.selection_set, held)
            else:
                fragment = cast("InlineFragmentNode", node)
                inner = self._type(fragment) if fragment.type_condition else parent
                self.collect(below, inner, fragment.selection_set, held)

    def _type(self, fragment: FragmentDefinitionNode | InlineFragmentNode) -> GraphQLNamedType:
        return self._schema.type_map[cast("NamedTypeNode", fragment.type_condition).name.value]

    def _field(self, below: Below, parent: GraphQLObjectType, node: FieldNode, conditions: Conditions) -> None:
        declared = self._schema.get_field(parent, node.name.value)
        if declared is None:
            raise RuntimeError("An operation is priced after it was validated.")
        key = (node.alias or node.name).value
        place = below.setdefault((key, conditions), Priced(key, node.name.value, conditions))
        self._price(place, parent, declared, node)
        if node.selection_set:
            # The conditions of this field hold for what is below it anyway.
            self.collect(place.below, named_type(declared), node.selection_set, frozenset())

    def _price(self, place: Priced, parent: GraphQLObjectType, declared: GraphQLField, node: FieldNode) -> None:
        weight = WEIGHTS.get(f"{parent.name}.{node.name.value}") or self._default(parent, node)
        place.call = max(place.call, weight.cost)
        if weight.per:
            place.per = length_of(argument(node, weight.per))
        named = named_type(declared)
        place.is_list |= is_list(declared)
        place.is_page |= is_page(named)
        if self._loads(parent, declared, named):
            place.each = OBJECT
        elif named.name.startswith("__"):
            place.each = DESCRIBED
        if named is self._schema.type_map["__Type"] and node.name.value == "types":
            place.sizes.append(lambda _: len(self._schema.type_map))
        if place.is_page:
            place.sizes.append(page_size(node))
        elif place.is_list and "first" in declared.args:
            place.sizes.append(size_of(argument(node, ("first",)), declared.args["first"].default_value))
        elif place.is_list and "ids" in declared.args:
            place.sizes.append(length_of(argument(node, ("ids",))))

    def _default(self, parent: GraphQLObjectType, node: FieldNode) -> Weight:
        if parent is self._schema.mutation_type:
            return Weight(MUTATION)
        if parent is self._schema.subscription_type:
            return Weight(SUBSCRIPTION)
        return Weight(COUNT if is_page(parent) and node.name.value == "totalCount" else 0)

    def _loads(self, parent: GraphQLObjectType, declared: GraphQLField, named: GraphQLNamedType) -> bool:
        """Whether what the field answers is loaded for it."""
        definition = declared.extensions.get("strawberry-definition")
        if definition is not None and RELATION in definition.metadata:
            return True
        return parent is self._schema.query_type and self._is_node(named)

    def _is_node(self, named: GraphQLNamedType) -> bool:
        node = self._schema.type_map["Node"]
        return named is node or (isinstance(named, GraphQLObjectType) and node in named.interfaces)


def named_type(declared: GraphQLField) -> GraphQLNamedType:
    """The type of what a field answers, or of the items of it."""
    # The library's own types of types are full of unknowns.
    return cast("GraphQLNamedType", get_named_type(cast("Any", declared.type)))


def is_list(declared: GraphQLField) -> bool:
    """Whether a field answers a list."""
    return isinstance(get_nullable_type(cast("Any", declared.type)), GraphQLList)


def is_page(named: GraphQLNamedType) -> bool:
    """Whether a type is one page of a list."""
    return isinstance(named, GraphQLObjectType) and {"edges", "pageInfo"} <= named.fields.keys()


def _holds(conditions: Conditions, variables: Variables) -> bool:
    return not conditions or all(
        (variables.get(given) if isinstance(given, str) else given) is wanted for given, wanted in conditions
    )
