"""How large a document is, counted in one pass before anything is validated.

Counts are those of the expanded selection: whatever a fragment holds counts as often as it is spread. Each fragment is
walked once all the same, so that a document of thirty fragments which stand for a billion fields takes as long as any
other of its length.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

from graph.limits.rules import LimitCode, Limits, exceeded

NESTING_MAX = 100
"""How many selections may lie in one another, inline fragments included: more could not be walked."""

INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Structure:
    """What was counted: of each the highest number of all operations and fragments of a document."""

    tokens: int
    depth: int
    fields: int
    duplicates: int
    root_fields: int
    aliases: int
    directives: int
    list_items: int
    input_depth: int
    introspects: bool

    def check(self, limits: Limits) -> None:
        """Raise the error of the first limit that is exceeded."""
        for name, code, what in COUNTS:
            limit, found = getattr(limits, name), getattr(self, name)
            if found > limit:
                raise exceeded(code, limit, found, what)


COUNTS = (
    ("tokens", LimitCode.TOO_MANY_TOKENS, "Tokens of the document"),
    ("depth", LimitCode.TOO_DEEP, "Levels of fields"),
    ("root_fields", LimitCode.TOO_MANY_ROOT_FIELDS, "Fields of the root"),
    ("fields", LimitCode.TOO_MANY_FIELDS, "Fields and fragments, with what those hold wherever they are spread"),
    ("duplicates", LimitCode.TOO_MANY_DUPLICATES, "Fields that stand where the same is asked for already"),
    ("aliases", LimitCode.TOO_MANY_ALIASES, "Aliases"),
    ("directives", LimitCode.TOO_MANY_DIRECTIVES, "Directives"),
    ("list_items", LimitCode.LIST_TOO_LONG, "Items of a list in the document"),
    ("input_depth", LimitCode.INPUT_TOO_DEEP, "Levels of a value in the document"),
)
"""The limits in the order in which they are checked: the name of the count, the code, and what is counted."""


def measured(document: DocumentNode) -> Structure:
    """Count what a document holds.

    Raises:
        GraphQLError: a fragment contains itself, or selections lie too deep in one another to be counted.
    """
    measuring = _Measuring(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            measuring.operation(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            measuring.fragment(definition.name.value, 0)
    parts = measuring.parts
    return Structure(
        tokens=document.token_count or 0,
        depth=measuring.depth,
        fields=max((each.fields for each in parts), default=0),
        duplicates=max((each.duplicates for each in parts), default=0),
        root_fields=measuring.root_fields,
        aliases=max((each.aliases for each in parts), default=0),
        directives=max((each.directives for each in parts), default=0),
        list_items=measuring.list_items,
        input_depth=measuring.input_depth,
        introspects=any(each.introspects for each in parts),
    )


@dataclass(slots=True)
class _Part:
    """What a selection set holds, expanded."""

    keys: Counter[str] = field(default_factory=Counter[str])
    """How often each name of the answer is asked for on the level of the selection set itself."""
    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    duplicates_below: int = 0
    introspects: bool = False

    @property
    def duplicates(self) -> int:
        return self.keys.total() - len(self.keys) + self.duplicates_below

    def add(self, other: "_Part") -> None:
        """Count what stands on another level; its names and its depth are no business of this one."""
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.introspects |= other.introspects

    def merge(self, other: "_Part") -> None:
        """Count what stands on the same level."""
        self.add(other)
        self.keys.update(other.keys)
        self.depth = max(self.depth, other.depth)
        self.duplicates_below += other.duplicates_below


class _Measuring:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._known: dict[str, _Part] = {}
        self._open: set[str] = set()
        self.parts: list[_Part] = []
        self.depth = self.root_fields = self.list_items = self.input_depth = 0

    def operation(self, node: OperationDefinitionNode) -> None:
        part = self._selections(node.selection_set, 0)
        part.directives += self._directives(node.directives)
        for variable in node.variable_definitions or ():
            part.directives += self._directives(variable.directives)
            if variable.default_value is not None:
                self._value(variable.default_value)
        self.depth = max(self.depth, part.depth)
        self.root_fields = max(self.root_fields, part.keys.total())
        self.parts.append(part)

    def fragment(self, name: str, nesting: int) -> _Part:
        """What a fragment holds; nothing where there is none, which is for validation to tell."""
        if name in self._open:
            message = f"Cannot spread fragment '{name}' within itself."
            raise GraphQLError(message, extensions={"code": "GRAPHQL_VALIDATION_FAILED"})
        known = self._known.get(name)
        definition = self._fragments.get(name)
        if known is None and definition is not None:
            self._open.add(name)
            known = self._known[name] = self._selections(definition.selection_set, nesting)
            known.directives += self._directives(definition.directives)
            self.parts.append(known)
            self._open.remove(name)
        return known or _Part()

    def _selections(self, node: SelectionSetNode, nesting: int) -> _Part:
        if nesting >= NESTING_MAX:
            raise exceeded(LimitCode.TOO_DEEP, NESTING_MAX, nesting + 1, "Levels of selections")
        part = _Part()
        for selection in node.selections:
            # A fragment counts as well: one that holds nothing can be spread a billion times.
            part.fields += 1
            part.directives += self._directives(selection.directives)
            if isinstance(selection, FieldNode):
                self._field(part, selection, nesting)
            elif isinstance(selection, FragmentSpreadNode):
                part.merge(self.fragment(selection.name.value, nesting + 1))
            else:
                part.merge(self._selections(cast("InlineFragmentNode", selection).selection_set, nesting + 1))
        return part

    def _field(self, part: _Part, node: FieldNode, nesting: int) -> None:
        part.keys[(node.alias or node.name).value] += 1
        part.aliases += node.alias is not None
        for argument in node.arguments or ():
            self._value(argument.value)
        is_introspection = node.name.value in INTROSPECTION
        part.introspects |= is_introspection
        if node.selection_set:
            below = self._selections(node.selection_set, nesting + 1)
            part.add(below)
            part.duplicates_below += below.duplicates
            # How deep one may ask what the schema is like, is for validation to tell.
            part.depth = max(part.depth, 0 if is_introspection else 1 + below.depth)

    def _directives(self, nodes: Iterable[DirectiveNode] | None) -> int:
        count = 0
        for node in nodes or ():
            count += 1
            for argument in node.arguments or ():
                self._value(argument.value)
        return count

    def _value(self, node: ValueNode) -> None:
        waiting = [(node, 1)]
        while waiting:
            value, depth = waiting.pop()
            if isinstance(value, ListValueNode):
                self.list_items = max(self.list_items, len(value.values))
                inner = value.values
            elif isinstance(value, ObjectValueNode):
                inner = tuple(each.value for each in value.fields)
            else:
                continue
            self.input_depth = max(self.input_depth, depth)
            waiting.extend((each, depth + 1) for each in inner)
