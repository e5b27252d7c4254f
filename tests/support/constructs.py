"""A schema with every construct that execution knows, over data that dice fill with faults."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.schema.config import StrawberryConfig
from support.leaves import Leaf, Loaders
from support.permitted import (
    AtOnce,
    Breaking,
    Fitting,
    Later,
    Odd,
    Ours,
    Promising,
    Refusing,
    Telling,
    Vague,
    Yielding,
    silently,
)

from graph.context import Info
from graph.execution.executor import CompiledExecutor
from graph.execution.operations import Operations
from graph.fields import batched, computed, relation
from graph.node import object_type
from graph.scalars import SCALARS, BigInt


@strawberry.enum
class Color(Enum):
    RED = "r"
    GREEN = "g"


@dataclass
class Context:
    """What the resolvers of one execution reach."""

    world: "World"
    writer: None = None
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.world.leaves)


class Loud(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Info, **given: Any) -> Any:
        return next_(source, info, **given).upper()


@strawberry.interface
class Thing:
    id: strawberry.ID
    name: str | None

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        return (self.name or "?").upper() * times


@strawberry.input
class Inner:
    depth: int = 1
    colors: list[Color] | None = None


@strawberry.input
class Options:
    prefix: str = "p"
    count: int | None = None
    inner: Inner | None = None
    when: datetime | None = strawberry.UNSET


async def _sum(roots: Sequence[Leaf], info: Info, add: int = 0) -> list[int]:
    await asyncio.sleep(0)
    if add == 3:
        raise ValueError("three")
    return [root.key + add for root in roots]


def _label_length(root: strawberry.Parent[Leaf]) -> int:
    return len(root.label)


@object_type(Leaf, "A leaf.")
class LeafType:
    key: int
    label: str
    amount: Decimal | None
    price: Decimal
    moment: datetime | None
    length: int | None = computed(int | None, _label_length, "How long its label is.")
    total: int | None = batched(int | None, _sum, "Its key and more.")
    hidden: str = strawberry.field(permission_classes=[Odd])
    hidden_length: int | None = computed(int | None, _label_length, "It again.", permission_classes=[Breaking])
    hidden_total: int | None = batched(int | None, _sum, "It again.", permission_classes=[Fitting])
    told_total: int | None = batched(int | None, _sum, "It again.", permission_classes=[Telling, Later])
    twig: Annotated["Twig", strawberry.lazy("support.constructs")] | None
    next: Annotated["LeafType", strawberry.lazy("support.constructs")] | None = relation(
        Annotated["LeafType", strawberry.lazy("support.constructs")] | None, "leaf", "key", "Itself."
    )


@strawberry.type
class Twig(Thing):
    n: int
    ratio: float | None
    big: BigInt
    color: Color
    colors: list[Color | None] | None
    tags: list[str]
    grid: list[list[int | None]] | None
    blob: strawberry.scalars.JSON
    is_fresh: bool
    leaf_key: strawberry.Private[Any]
    twin: "Twig | None"
    twigs: list["Twig"]
    lattice: list[list["Branch | None"] | None] | None
    awaited: int | None
    leaf: LeafType | None = relation(LeafType | None, "leaf", "leaf_key", "Its leaf.")
    sure_leaf: LeafType = relation(LeafType, "leaf", "leaf_key", "Its leaf, or an error.")
    leaves: list[LeafType] = relation(list[LeafType], "leaves", "leaf_key", "Its leaves.")

    odd_leaf: LeafType | None = relation(LeafType | None, "leaf", "leaf_key", "It.", permission_classes=[Odd, AtOnce])
    our_leaf: LeafType = relation(LeafType, "leaf", "leaf_key", "It.", permission_classes=[Promising, Ours])
    silent_leaf: LeafType | None = relation(LeafType | None, "leaf", "leaf_key", "It.", **silently(Odd))
    silent_leaves: list[LeafType] = relation(list[LeafType], "leaves", "leaf_key", "Them.", **silently(AtOnce, Odd))

    @strawberry.field
    async def loaded(self, info: Info) -> LeafType | None:
        return await info.context.loaders.leaf.load(self.leaf_key) if self.leaf_key else None

    @strawberry.field
    async def sure(self, info: Info) -> LeafType:
        return await info.context.loaders.leaf.load(self.leaf_key or 0)

    @strawberry.field
    async def slow(self, options: Options, numbers: list[int] | None = None) -> str | None:
        if self.n % 4 == 0:
            raise ValueError(f"slow {self.n}")
        return f"{options}{numbers}{self.n}"

    @strawberry.field
    def boom(self) -> int:
        if self.n % 5 == 0:
            raise RuntimeError(f"boom {self.n}")
        return self.n

    @strawberry.field(permission_classes=[Odd])
    def secret(self) -> str | None:
        return f"secret {self.n}"

    @strawberry.field(permission_classes=[Odd, Later])
    async def sure_secret(self) -> str:
        return f"secret {self.n}"

    @strawberry.field(permission_classes=[Vague])
    def vague(self) -> str | None:
        return "never told"

    @strawberry.field(permission_classes=[Promising])
    def promised_secret(self) -> str | None:
        return "never told"

    @strawberry.field(permission_classes=[Later, Yielding])
    def late_secret(self, options: Options, here: Info) -> str | None:
        return f"{options} {here.field_name}"

    @strawberry.field(permission_classes=[Telling])
    async def told_secret(
        self, here: Info, parent: strawberry.Parent[Any], numbers: list[int], to: int = 1
    ) -> str | None:
        return f"{numbers} {parent.n} {here.field_name}"

    @strawberry.field(permission_classes=[Refusing])
    def twig_secrets(self) -> list["Twig | None"] | None:
        return [self.twin, None]

    @strawberry.field(permission_classes=[Ours])
    async def counted_secret(self) -> AsyncGenerator[int]:
        yield self.n

    @strawberry.field(permission_classes=[Odd], extensions=[Loud()])
    def loud_secret(self, word: str = "w") -> str:
        return word

    @strawberry.field(**silently(Odd))
    def pick_secrets(self) -> list[Annotated["Twig | Branch", strawberry.union("Pick")]] | None:
        return [self, self]

    @strawberry.field(extensions=[Loud()])
    def loud(self, word: str = "w") -> str:
        return word

    @strawberry.field
    async def counted(self, to: int = 3) -> AsyncGenerator[int]:
        for number in range(to):
            yield number
        if self.n % 5 == 0:
            raise RuntimeError("counted")

    @strawberry.field
    def promised(self) -> list[int]:
        return [_promise(self.n), 2]  # pyright: ignore[reportReturnType]

    @strawberry.field
    def pick(self) -> Annotated["Twig | Branch", strawberry.union("Pick")] | None:
        return self.twin if self.n % 2 else Branch(id=strawberry.ID("b"), name=None, n=self.n, friend=self, peers=[])


async def _promise(number: int) -> int:
    await asyncio.sleep(0)
    if number % 5 == 0:
        raise RuntimeError("promise")
    return number


@strawberry.type
class Branch(Thing):
    n: int
    friend: Thing | None
    peers: list[Thing]


Pick = Annotated[Twig | Branch, strawberry.union("Pick")]


@strawberry.type
class Query:
    @strawberry.field
    def twigs(self, info: Info, first: int = 3) -> list[Twig]:
        return info.context.world.twigs[:first]

    @strawberry.field
    async def maybe_twigs(self, info: Info, first: int | None = None) -> list[Twig | None] | None:
        await asyncio.sleep(0)
        return info.context.world.maybe[:first] if info.context.world.maybe is not None else None

    @strawberry.field
    def things(self, info: Info) -> list[Thing]:
        return info.context.world.things

    @strawberry.field
    def picks(self, info: Info) -> list[Pick | None]:
        return info.context.world.picks

    @strawberry.field
    def leaf(self, info: Info, id: int) -> LeafType | None:
        return info.context.loaders.leaf.load(id)

    @strawberry.field
    def fail(self) -> int | None:
        raise RuntimeError("root")

    @strawberry.field
    def hello(self, name: Annotated[str, strawberry.argument(name="who")] = "x", color: Color = Color.RED) -> str:
        return f"hello {name} {color}"


LITERALS = {
    "times": ["2"],
    "options": ['{prefix: "q"}', "{}", "{count: 3, inner: {colors: [RED, GREEN]}}", '{when: "2026-01-01T00:00:00Z"}'],
    "numbers": ["[1, 2]", "3", "null"],
    "first": ["2", "4"],
    "who": ['"w"'],
    "Color": ["GREEN", "RED"],
    "Int": ["2", "3"],
    "String": ['"word"'],
}


class World:
    """The data of one seed; `fault` is the chance that a value is not what its type promises."""

    def __init__(self, seed: int, fault: float) -> None:
        dice = random.Random(seed)
        self._dice, self._fault = dice, fault
        self.leaves = {key: self._leaf(key) for key in range(1, 8)}
        branches = [
            Branch(
                id=strawberry.ID(f"b{n}"),
                name=self._or(f"b{n}", None, 7),
                n=self._or(n, None, "x"),
                friend=None,
                peers=[],
            )
            for n in range(1, 5)
        ]
        self.twigs = [self._twig(n, branches) for n in range(1, 6)]
        everything = [*self.twigs, *branches]
        for twig in self.twigs:
            twig.twin = self._or(dice.choice(self.twigs), None, ValueError("twin"), 5)
            twig.twigs = self._or(dice.sample(self.twigs, 2), None, [None], 5, (self.twigs[0],))
        for branch in branches:
            branch.friend = self._or(dice.choice(everything), None, 5)
            branch.peers = self._or(dice.sample(everything, 2), [None], {"a": 1})
        for leaf in self.leaves.values():
            leaf.twig = self._or(dice.choice(self.twigs), None)
        self.maybe = self._or([*self.twigs[:2], None, self.twigs[3]], None)
        self.things = [self.twigs[0], branches[0], branches[1], self.twigs[1]]
        self.picks = [branches[2], None, self.twigs[2], self._or(branches[3], 7)]

    def _or(self, value: Any, *faults: Any) -> Any:
        return self._dice.choice(faults) if self._dice.random() < self._fault else value

    def _leaf(self, key: int) -> Leaf:
        moment = datetime(2026, 1, key, tzinfo=UTC)
        return Leaf(
            key,
            self._or(f"leaf {key}", None, 3),
            self._or(Decimal("1.50"), None),
            self._or(Decimal(key), None, "x"),
            self._or(moment, None, 5),
            self._or(f"hidden {key}", None, 3),
            None,
        )

    def _twig(self, n: int, branches: list[Branch]) -> Twig:
        either, some = self._or, self._dice.sample(branches, 2)
        return Twig(
            id=either(strawberry.ID(f"t{n}"), n, None),
            name=either(f"t{n}", None),
            n=n,
            ratio=either(n * 1.5, None, float("nan"), 3, "z", float("inf")),
            big=either(BigInt(2**40), None, "y"),
            color=either(self._dice.choice(list(Color)), None, "nope", "g"),
            colors=either([Color.RED, None], None, ["nope"]),
            tags=either(["x", "y"], None, ["q", None], "text", ("t",)),
            grid=either([[1, None], [2]], None, [None], [[2**40]], [[RuntimeError("grid")]]),
            blob=either({"a": [1, None]}, None),
            is_fresh=either(True, None, 3),
            leaf_key=self._dice.choice([None, *range(1, 10)]) if self._fault else self._dice.randrange(1, 8),
            twin=None,
            twigs=[],
            lattice=either([[some[0], None], None, some], None, [5], [[7]]),
            awaited=either(n, None, ValueError("awaited")),
        )


class Schema(strawberry.Schema):
    operations: Operations | None = None

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Errors are what is tested."""


def build(*, is_compiled: bool) -> Schema:
    schema = Schema(
        query=Query,
        types=[Twig, Branch],
        config=StrawberryConfig(scalar_map=SCALARS, info_class=Info),
        execution_context_class=CompiledExecutor if is_compiled else None,
    )
    if is_compiled:
        schema.operations = Operations(schema)
    return schema
