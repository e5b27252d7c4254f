"""Every text that a caller may give, with what a database cannot store and with more than anybody needs."""

from collections.abc import Iterator
from typing import Any

import pytest
from factories.people import make_admin
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)
from support.shop import SCHEMA, Shop, order_id

from db.base import new_id

TEXTS = ("String", "ID")
NESTED = 4
"""How deep inputs are looked into."""

SAMPLES: dict[str, Any] = {
    "Int": 1,
    "Float": 1.5,
    "Boolean": True,
    "String": "x",
    "ID": order_id(new_id()),
    "UUID": str(new_id()),
    "Decimal": "1",
    "BigInt": 1,
    "Date": "2026-11-21",
    "DateTime": "2026-11-21T09:30:00Z",
}

ATTEMPTS = ("a\0b", "x" * 100_000, "\uffff\u202e%_\\'\";--")
NEVER = {"INTERNAL_SERVER_ERROR", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_REQUEST"}

Given = GraphQLArgument | GraphQLInputField


def sample(kind: GraphQLInputType) -> Any:
    """The least that a type takes."""
    named = get_named_type(kind)
    if isinstance(kind, GraphQLNonNull):
        return sample(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [sample(kind.of_type)]
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    if isinstance(named, GraphQLInputObjectType):
        return {name: sample(each.type) for name, each in named.fields.items() if is_needed(each)}
    return SAMPLES[named.name]


def is_needed(given: Given) -> bool:
    return isinstance(given.type, GraphQLNonNull)


def places(kind: GraphQLInputType, left: int = NESTED) -> Iterator[tuple[str, Any]]:
    """Where a text stands in a type, and a function of the text that makes the whole value."""
    named = get_named_type(kind)
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(inner, GraphQLList):
        for place, make in places(inner.of_type, left):
            yield place, lambda text, make=make: [make(text)]
    elif isinstance(named, GraphQLInputObjectType) and left:
        for name, field in named.fields.items():
            for place, make in places(field.type, left - 1):
                yield f".{name}{place}", lambda text, make=make, name=name: {**sample(named), name: make(text)}
    elif named.name in TEXTS:
        yield "", lambda text: text


def operations(root: str) -> Iterator[Any]:
    """An operation for each place of a text below one root, as a test's parameter."""
    owner = SCHEMA.graphql_schema.type_map[root]
    assert isinstance(owner, GraphQLObjectType)
    for name, field in owner.fields.items():
        for argument, given in field.args.items():
            for place, make in places(given.type):
                yield pytest.param(
                    document(root, name, field, argument), argument, field, make, id=f"{name}({argument}{place})"
                )


def document(root: str, name: str, field: GraphQLField, chosen: str) -> str:
    used = {each: given for each, given in field.args.items() if each == chosen or is_needed(given)}
    declared = ", ".join(f"${each}: {given.type}" for each, given in used.items())
    passed = ", ".join(f"{each}: ${each}" for each in used)
    is_leaf = not hasattr(get_named_type(field.type), "fields") and not hasattr(get_named_type(field.type), "types")
    return f"{root.lower()} ({declared}) {{ {name}({passed}) {'' if is_leaf else '{ __typename }'} }}"


EVERY = [*operations("Query"), *operations("Mutation")]


async def test_no_text_makes_a_fault(shop: Shop):
    admin = await make_admin(shop.database)
    faults: list[str] = []
    for parameter in EVERY:
        query, argument, field, make = parameter.values
        needed = {name: sample(given.type) for name, given in field.args.items() if is_needed(given)}
        for text in ATTEMPTS:
            answer = await shop.run(query, admin, **{**needed, argument: make(text)})
            # Every one must get as far as the rules of the shop.
            wrong = {error["extensions"]["code"] for error in answer.errors} & NEVER
            faults += [f"{parameter.id} of {text[:10]!r}: {code}" for code in wrong]
    assert faults == []


def test_every_text_is_tried():
    ids = {parameter.id for parameter in EVERY}
    assert len(ids) == len(EVERY) > 100
    assert {"orderPlace(input.notes)", "node(id)", "orders(after)", "tokenCreate(input.username)"} <= ids
