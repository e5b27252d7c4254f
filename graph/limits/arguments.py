"""Arguments and conditions as a document writes them, to be read with the variables of a request."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)

from domain.reading import DEFAULT_PAGE, MAX_PAGE

Variables = dict[str, Any]
"""As they were sent: what does not fit its type is refused before anything is executed."""

Size = Callable[[Variables], int]
Conditions = frozenset[tuple[str | bool, bool]]
"""Of each: a variable, or what the document says itself, and what it must be for the field to be asked for."""


def argument(node: FieldNode, path: Sequence[str]) -> Callable[[Variables], Any]:
    """Reads the argument of a field, or what lies at a path in it; None where there is none."""
    return _reading(next((each.value for each in node.arguments or () if each.name.value == path[0]), None), path[1:])


def _reading(node: ValueNode | None, path: Sequence[str]) -> Callable[[Variables], Any]:
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda variables: _inside(variables.get(name), path)
    if path and isinstance(node, ObjectValueNode):
        return _reading(next((each.value for each in node.fields if each.name.value == path[0]), None), path[1:])
    if isinstance(node, IntValueNode):
        number = int(node.value)
        return lambda _: number
    if isinstance(node, ListValueNode):
        # How many there are is all that anybody wants to know.
        items = node.values
        return lambda _: items
    return lambda _: None


def _inside(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return value


def size_of(read: Callable[[Variables], Any], default: Any) -> Size:
    """How many items an argument asks for that is their number.

    A number out of range counts as the largest that is not: such a request is refused for that.
    """

    def size(variables: Variables) -> int:
        value = read(variables)
        if value is None:
            value = default
        if isinstance(value, int | float):
            return int(value) if 0 <= value <= MAX_PAGE else MAX_PAGE
        return 1

    return size


def length_of(read: Callable[[Variables], Any]) -> Size:
    """How many items an argument has that is a list: what is none is its only item, and an id may be a number."""

    def length(variables: Variables) -> int:
        value = read(variables)
        return len(cast("Sequence[Any]", value)) if isinstance(value, list | tuple) else 1

    return length


def page_size(node: FieldNode) -> Size:
    """How many items a page has at most."""
    first, last = argument(node, ("first",)), argument(node, ("last",))
    return size_of(lambda variables: first(variables) or last(variables), DEFAULT_PAGE)


def conditions_of(directives: Iterable[DirectiveNode] | None) -> Conditions:
    """What `@include` and `@skip` make a selection depend on."""
    return frozenset(
        (given, node.name.value == "include")
        for node in directives or ()
        if node.name.value in {"include", "skip"}
        for given in (_condition(node),)
    )


def _condition(node: DirectiveNode) -> str | bool:
    value = next(each.value for each in node.arguments or () if each.name.value == "if")
    return value.name.value if isinstance(value, VariableNode) else cast("BooleanValueNode", value).value
