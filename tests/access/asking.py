"""Asking a server in somebody's name, over HTTP, and what its answer amounts to."""

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template
from typing import Any

import orjson
from access.samples import ARGUMENTS, HOLE, MUTATIONS, PLACES
from access.stage import Stage
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type
from support.shop import SCHEMA
from support.waiting import PATIENCE

TYPES = SCHEMA.graphql_schema.type_map

UNAUTHENTICATED = "401"
"""The request was refused as a whole, before anything was run: its token is not valid."""


@dataclass(frozen=True)
class Told:
    """What somebody was answered."""

    status: int
    data: Any
    errors: list[dict[str, Any]]

    @property
    def code(self) -> str | None:
        """The code of the first error."""
        return self.errors[0]["extensions"]["code"] if self.errors else None


async def ask(stage: Stage, viewer: str, document: str, request_id: str = "", **variables: Any) -> Told:
    """Run an operation as one of the viewers; of a subscription, up to its first result."""
    token = stage.tokens[viewer]
    names = dict(stage.names)
    if "$fresh" in document:
        names["fresh"] = await stage.plain_order()
    body = {"query": Template(document).safe_substitute(names), "variables": variables}
    headers = {"X-Request-ID": request_id}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if document.startswith("subscription"):
        return await _first(stage, body, {**headers, "Accept": "text/event-stream"})
    response = await stage.server.http.post("/graphql", json=body, headers=headers)
    return _told(response.status_code, response.json())


async def _first(stage: Stage, body: dict[str, Any], headers: dict[str, str]) -> Told:
    http = stage.server.http
    async with http.stream("POST", "/graphql", json=body, headers=headers, timeout=PATIENCE) as response:
        if response.status_code != 200:
            return _told(response.status_code, orjson.loads(await response.aread()))
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                return _told(200, orjson.loads(line.removeprefix("data: ")))
    raise AssertionError("The stream ended without a result.")


def _told(status: int, answer: Any) -> Told:
    return Told(status, answer.get("data"), answer.get("errors", []))


def fields_of(name: str) -> dict[str, GraphQLField]:
    graphql_type = TYPES[name]
    assert isinstance(graphql_type, GraphQLObjectType)
    return graphql_type.fields


def nodes() -> list[str]:
    """The types of what can be found by its global id."""
    return sorted(each.name for each in SCHEMA.graphql_schema.get_possible_types(TYPES["Node"]))


def places() -> list[str]:
    """The types that have a place in a section of their own."""
    return sorted({*nodes(), *PLACES})


def unplaced() -> list[str]:
    """Types of objects with fields for which nobody said where an object of them is found."""
    errors = {each.name for each in SCHEMA.graphql_schema.get_possible_types(TYPES["UserError"])}
    # What lists and mutations are wrapped in is shown with what they hold.
    wraps = ("Connection", "Edge", "Payload")
    skipped = {*errors, "PageInfo", "Query", "Mutation", "Subscription", *places()}
    return [
        each.name
        for each in TYPES.values()
        if isinstance(each, GraphQLObjectType) and not each.name.startswith("__")
        if each.name not in skipped and not each.name.endswith(wraps)
    ]


def unsampled() -> list[str]:
    """Mutations, and fields with arguments that must be given, for which there is no sample."""
    missing = [f"Mutation.{name}" for name in fields_of("Mutation") if name not in MUTATIONS]
    for type_name in ("Query", "Subscription", *places()):
        for name, field in fields_of(type_name).items():
            needs = any(
                argument.default_value is None or str(argument.type).endswith("!") for argument in field.args.values()
            )
            if needs and f"{type_name}.{name}" not in ARGUMENTS:
                missing.append(f"{type_name}.{name}")
    return missing


def place_of(name: str) -> str:
    """The operation in which the fields of a type are asked for."""
    return PLACES.get(name) or f'{{ node(id: "${name}") {{ ... on {name} {{ {HOLE} }} }} }}'


def asked(type_name: str, name: str, arguments: str | None = None) -> str:
    """A field with its arguments, and with just enough of what it leads to."""
    given = ARGUMENTS.get(f"{type_name}.{name}", {"": ""})[""] if arguments is None else arguments
    inner = get_named_type(fields_of(type_name)[name].type)
    if is_leaf_type(inner):
        return f"{name}{given}"
    return f"{name}{given} {{ {'nodes { __typename }' if inner.name.endswith('Connection') else '__typename'} }}"


def rows(type_name: str) -> Iterator[tuple[str, str]]:
    """The rows of the queries or subscriptions: what each is called, and how its field is asked for."""
    for name in fields_of(type_name):
        for label, arguments in ARGUMENTS.get(f"{type_name}.{name}", {"": ""}).items():
            yield f"`{name}` {label}".strip(), asked(type_name, name, arguments)
    if type_name == "Query":
        for kind in nodes():
            yield f"`node` of `{kind}`", f'node(id: "${kind}") {{ __typename }}'
