"""Random operations on a schema: aliases, fragments, conditions, variables, and every field and argument there is."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
    parse,
    parse_value,
    print_ast,
    value_from_ast_untyped,
)


class RandomOperation:
    """One operation, made by dice: the same seed makes the same."""

    def __init__(
        self, schema: GraphQLSchema, seed: int, literals: Mapping[str, Sequence[str]], *, depth: int = 4, width: int = 5
    ) -> None:
        """`literals` are what arguments may be given, by the name of the argument or else of its type."""
        self._schema, self._dice, self._literals, self._width = schema, random.Random(seed), literals, width
        self._declared: list[str] = []
        self._fragments: dict[str, str] = {}
        self._names = 0
        self.variables: dict[str, Any] = {}
        root = schema.get_root_type(OperationType.QUERY)
        assert root is not None
        body = self._selection(root, depth)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        self.text = " ".join([f"query Random{declared} {body}", *self._fragments.values()])

    def __repr__(self) -> str:
        return f"{print_ast(parse(self.text))}\n{self.variables}"

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _is(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _selection(self, parent: GraphQLNamedType, depth: int) -> str:
        fields: dict[str, GraphQLField] = dict(getattr(parent, "fields", {}))
        names = [name for name, field in fields.items() if depth > 0 or is_leaf_type(get_named_type(field.type))]
        self._dice.shuffle(names)
        parts = [self._field(name, fields[name], depth) for name in names[: self._dice.randint(1, self._width)]]
        if self._is(0.3) or not parts:
            parts.insert(self._dice.randrange(len(parts) + 1), "__typename" + self._condition())
        while depth > 0 and self._is(0.7 if is_abstract_type(parent) else 0.2):
            parts.append(self._fragment(parent, depth))
        return f"{{ {' '.join(parts)} }}"

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        given = [
            f"{each}: {self._value(each, argument)}"
            for each, argument in field.args.items()
            if is_required_argument(argument) or self._is(0.4)
        ]
        # The same key must not stand for other arguments.
        alias = f"{self._name('a')}: " if field.args or self._is(0.1) else ""
        named = get_named_type(field.type)
        below = "" if is_leaf_type(named) else f" {self._selection(named, depth - 1)}"
        arguments = f"({', '.join(given)})" if given else ""
        return f"{alias}{name}{arguments}{self._condition()}{below}"

    def _fragment(self, parent: GraphQLNamedType, depth: int) -> str:
        kinds = [parent]
        if is_abstract_type(parent):
            kinds += self._schema.get_possible_types(parent)
        kind = self._dice.choice([*kinds, *getattr(parent, "interfaces", ())])
        body = self._selection(kind, depth - 1)
        if self._is(0.5):
            return f"... on {kind.name}{self._condition()} {body}"
        name = self._name("F")
        self._fragments[name] = f"fragment {name} on {kind.name} {body}"
        return f"...{name}{self._condition()}" + (f" ...{name}" if self._is(0.3) else "")

    def _condition(self) -> str:
        if not self._is(0.1):
            return ""
        holds = self._dice.choice(["true", "false"])
        return f" @{self._dice.choice(['skip', 'include'])}(if: {self._varied('Boolean!', holds)})"

    def _value(self, name: str, argument: GraphQLArgument) -> str:
        known = self._literals.get(name) or self._literals[get_named_type(argument.type).name]
        literal = self._dice.choice(known)
        if literal == "null" and is_required_argument(argument):
            literal = known[0]
        return self._varied(str(argument.type), literal)

    def _varied(self, graphql_type: str, literal: str) -> str:
        """A literal as it is, or by a variable: by its default, or sent."""
        if self._is(0.5):
            return literal
        name = self._name("v")
        if self._is(0.5) and literal != "null":
            self._declared.append(f"${name}: {graphql_type} = {literal}")
        else:
            self._declared.append(f"${name}: {graphql_type}")
            self.variables[name] = value_from_ast_untyped(parse_value(literal))
        return f"${name}"
