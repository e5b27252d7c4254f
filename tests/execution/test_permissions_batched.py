"""What is permitted is still resolved for all parents at once, and nothing is read or written past a permission."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry
from strawberry.permission import BasePermission
from support.constructs import Context, LeafType, World, build
from support.executors import Thing, answers, both
from support.permitted import AtOnce, Later, Odd, silently

from domain.writing import Target, Written
from graph.context import Info
from graph.fields import ITEM, batched, computed, relation
from graph.node import _LOADERS

COMPILED = build(is_compiled=True)


async def test_a_loader_is_asked_once_for_all_parents_that_are_permitted_and_never_for_others():
    world, read = World(1, 0), list[list[int]]()
    context = Context(world)
    loader = context.loaders.leaf
    ordinary = loader._read

    async def recording(viewer: Any, keys: Sequence[int]) -> Any:
        read.append(sorted(keys))
        return await ordinary(viewer, keys)

    loader._read = recording
    for index, twig in enumerate(world.twigs, 1):
        twig.leaf_key = index

    result = await COMPILED.execute("{ twigs(first: 5) { n oddLeaf { key } } }", context_value=context)

    # Of 3 it is refused by one permission, of 5 by the other.
    assert result.data == {"twigs": [{"n": n, "oddLeaf": {"key": n} if n in {1, 2, 4} else None} for n in range(1, 6)]}
    assert [(each.message, each.path) for each in result.errors or ()] == [
        ("not odd", ["twigs", 2, "oddLeaf"]),
        ("not at once", ["twigs", 4, "oddLeaf"]),
    ]
    assert read == [[1, 2, 4]]
    assert COMPILED.operations is not None
    assert not COMPILED.operations.tally.fallbacks


async def test_a_function_of_many_parents_gets_all_that_are_permitted_at_once():
    told: list[Any] = []

    async def names(roots: Sequence[Thing], info: Info, suffix: str = "") -> list[str]:
        told.append([root.n for root in roots])
        return [f"{root.n}{suffix}" for root in roots]

    async def never(roots: Sequence[Thing], info: Info) -> list[str]:
        told.append("never")
        return []

    class Never(BasePermission):
        def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
            return False

    @strawberry.type
    class Item:
        label: str | None = batched(str | None, names, "It.", permission_classes=[Odd, Later])
        nothing: str | None = batched(str | None, never, "It.", **silently(Never))

    @strawberry.type
    class Query:
        @strawberry.field(graphql_type=list[Item])
        def items(self) -> Any:
            return [Thing(n) for n in range(1, 9)]

    _, compiled = both(Query)
    result = await compiled.execute('{ items { label(suffix: "!") nothing } }', context_value=Context(World(1, 0)))

    assert told == [[1, 2, 5, 7]]
    assert [each["label"] for each in (result.data or {})["items"]] == ["1!", "2!", None, None, "5!", None, "7!", None]
    assert [error.message for error in result.errors or ()] == ["not odd", "not yet", "not odd", "not yet"]
    assert compiled.operations is not None
    assert not compiled.operations.tally.fallbacks


async def test_an_object_is_not_read_past_the_permission_of_what_is_in_it():
    """Neither where the rows are made, nor for an object that stands in the row of another, nor by the slow way."""

    @strawberry.type
    class Inner:
        n: int
        name: str | None = strawberry.field(permission_classes=[Odd])
        length: int | None = computed(int | None, lambda root: len(root.name), "It.", permission_classes=[Odd])

    @strawberry.type
    class Item:
        inner: Inner

    @strawberry.type
    class Query:
        @strawberry.field(graphql_type=list[Item])
        def items(self) -> Any:
            return [Item(inner=Inner(n=n, name="thing")) for n in (1, 2, 3)]

    for text in ("{ items { inner { name } } }", "{ items { inner { n other: name length } } }"):
        compiled, _ = await answers(both(Query), text)

        assert {error.message for error in compiled.errors} == {"not odd"}
        assert {error.path[1] for error in compiled.errors} == {2}


@pytest.mark.parametrize("permissions", [[Odd], [AtOnce]])
@pytest.mark.parametrize(
    "text", ["{ one { key } two { key } three { key } }", "{ three { key } two { key } one { key } }"]
)
async def test_what_is_permitted_is_read_with_what_is_read_beside_it(permissions: list[Any], text: str):
    @strawberry.type
    class Query:
        one: LeafType | None = relation(LeafType | None, "leaf", "one", "It.")
        two: LeafType | None = relation(LeafType | None, "leaf", "n", "It.", permission_classes=permissions)

        @strawberry.field
        async def three(self, info: Info) -> LeafType | None:
            return await info.context.loaders.leaf.load(3)

    @dataclass
    class Root(Thing):
        one: int = 1

    for schema in both(Query):
        context = Context(World(1, 0))
        result = await schema.execute(text, context_value=context, root_value=Root(2))

        assert result.data == {"one": {"key": 1}, "two": {"key": 2}, "three": {"key": 3}}
        assert context.loaders.reads == 1


class Recorder:
    """A writer that could write everything, takes note of what it is asked for, and fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def knows(self, target: Target) -> bool:
        self.asked.append(target.relation)
        return True

    async def write(self, *_: Any) -> Any:
        raise ConnectionError


@dataclass
class Recording(Context):
    writer: Any = field(default_factory=Recorder)
    viewer: None = None
    source: object = object()
    request_id: str = "request"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("{ leaf { key } }", ["leaf"]),
        ("{ leaves { next { key } } }", ["leaves"]),
        ("{ kept { key } }", []),
        ("{ kept { next { key } } }", ["leaf"]),
        ("{ leaf { key hidden } }", []),
        ("{ leaf { key hiddenLength } }", []),
        ("{ leaves { next { hidden } } }", []),
        ("{ leaves { hidden next { key } } }", ["leaf"]),
        ("{ keptLeaves { next { key } } }", ["leaf"]),
    ],
)
async def test_a_relation_is_not_written_past_a_permission(text: str, asked: list[str]):
    @strawberry.type
    class Query:
        leaf: LeafType | None = relation(LeafType | None, "leaf", "n", "It.")
        kept: LeafType | None = relation(LeafType | None, "leaf", "n", "It.", permission_classes=[AtOnce])
        leaves: list[LeafType] = relation(list[LeafType], "leaves", "n", "Them.")
        kept_leaves: list[LeafType] = relation(list[LeafType], "leaves", "n", "Them.", **silently(Odd))

    _, compiled = both(Query)
    context = Recording(World(1, 0))

    result = await compiled.execute(text, context_value=context, root_value=Thing(2))

    assert result.data is not None
    assert (result.errors, context.writer.asked) == (None, asked)


@pytest.mark.parametrize(
    ("text", "is_written"),
    [
        ("nodes { key }", True),
        ("edges { cursor node { key } }", True),
        ("nodes { key hidden }", False),
        ("edges { node { hidden } }", False),
        ("kept { key }", False),
        ("kept { key } nodes { key }", False),
        ("keptEdges { node { key } }", False),
        ("edges { kept node { key } }", False),
        ("edges { keptNode { key } }", False),
    ],
)
async def test_a_page_is_not_written_past_a_permission(text: str, *, is_written: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(_LOADERS, "LeafType", "leaf")
    targets: list[Target | None] = []

    @strawberry.type
    class Link:
        cursor: str
        node: LeafType
        kept: str = strawberry.field(permission_classes=[Odd])
        kept_node: LeafType | None = strawberry.field(permission_classes=[Odd])

    def nothing(root: Any) -> Any:
        return []

    @strawberry.type
    class Leaves:
        nodes: list[LeafType] = computed(list[LeafType], nothing, "Them.", {ITEM: True})
        edges: list[Link] = computed(list[Link], nothing, "Them.", {ITEM: True})
        kept: list[LeafType] = computed(list[LeafType], nothing, "Them.", {ITEM: True}, permission_classes=[Odd])
        kept_edges: list[Link] = computed(list[Link], nothing, "Them.", {ITEM: True}, permission_classes=[Odd])

    @strawberry.type
    class Query:
        @strawberry.field(graphql_type=Leaves, permission_classes=[Odd])
        def page(self, info: Info) -> Any:
            targets.append(info.target)
            return Thing(1)

    _, compiled = both(Query)
    given: dict[str, Any] = {"context_value": Context(World(1, 0)), "root_value": Thing(1)}
    assert not (await compiled.execute(f"{{ page {{ {text} }} }}", **given)).errors

    assert [target is not None for target in targets] == [is_written]


async def test_what_is_looked_up_may_be_written_once_that_is_permitted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(_LOADERS, "LeafType", "leaf")
    targets: list[Target | None] = []

    async def look_up(info: Info, n: int) -> Any:
        targets.append(info.target)
        return Written("written", 1)

    class Asked(BasePermission):
        message = "refused"

        def has_permission(self, source: Any, info: Info, *, n: int) -> bool:
            return n == 1

    @strawberry.type
    class Query:
        leaf: LeafType | None = strawberry.field(
            resolver=look_up, graphql_type=LeafType | None, metadata={ITEM: True}, permission_classes=[Asked]
        )

    _, compiled = both(Query)
    results = [
        await compiled.execute(f"{{ leaf(n: {n}) {{ key }} }}", context_value=Context(World(1, 0))) for n in (1, 2)
    ]

    assert [each.data for each in results] == [{"leaf": Written("written", 1)}, {"leaf": None}]
    assert [[error.message for error in each.errors or ()] for each in results] == [[], ["refused"]]
    assert [target is not None for target in targets] == [True]
