"""What belongs to one customer is nowhere in what another one is told, however far they follow the relations."""

from collections.abc import Iterator
from string import Template
from typing import Any

import orjson
from access.asking import TYPES, fields_of, nodes
from access.samples import ARGUMENTS
from access.stage import Stage
from graphql import get_named_type, is_leaf_type, is_required_argument

DEPTH = 3


def whole(graphql_type: Any, depth: int) -> str:
    """A selection of every field that needs no argument, some levels down."""
    parts = ["__typename"]
    for name, field in graphql_type.fields.items():
        inner = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        # A page, and what it holds, are one level.
        below = depth if graphql_type.name.endswith(("Connection", "Edge")) else depth - 1
        if is_leaf_type(inner):
            parts.append(name)
        elif below >= 0 and name != "edges":
            parts.append(f"{name} {whole(inner, below)}")
    return "{ " + " ".join(parts) + " }"


def lists_and_things() -> Iterator[str]:
    """Every field of the root that is no `node`, by all its samples."""
    for name, field in fields_of("Query").items():
        inner = get_named_type(field.type)
        if inner.name != "Node":
            for arguments in ARGUMENTS.get(f"Query.{name}", {"": ""}).values():
                yield f"{name}{arguments} {'' if is_leaf_type(inner) else whole(inner, DEPTH)}"


async def told(stage: Stage, viewer: str) -> str:
    """All that one viewer is told by every field of the root, as text."""
    texts: list[str] = []
    by_id = (f'node(id: "${each}") {{ ... on {each} {whole(TYPES[each], DEPTH)} }}' for each in nodes())
    for query in (*lists_and_things(), *by_id):
        answer = await stage.shop.run(Template(f"{{ {query} }}").safe_substitute(stage.names), stage.actors[viewer])
        assert {each["extensions"]["code"] for each in answer.errors} <= {"FORBIDDEN"}
        texts.append(orjson.dumps(answer.data, default=str).decode())
    return "\n".join(texts)


async def test_nothing_of_a_customer_is_told_to_another_by_any_path(stage: Stage):
    public = {"Product", "Variant", "from", "to", "start"}
    marks = {"username": "adalove", "city": "Bergen", "notes": "By noon.", "reason": "Cracked."}
    marks |= {name: value for name, value in stage.names.items() if name not in public}

    by_viewer = {viewer: await told(stage, viewer) for viewer in ("customer", "another customer", "admin")}

    seen = {viewer: {name for name, mark in marks.items() if mark in text} for viewer, text in by_viewer.items()}
    # The walk goes where the marks are: an admin meets each of them, and the customer all that are theirs.
    assert seen["admin"] == set(marks)
    assert seen["customer"] >= {"username", "city", "notes", "User", "Customer", "Order", "OrderReturn", "number"}
    assert seen["another customer"] == set()
