"""What compiled execution must keep to, one rule at a time."""

import asyncio
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
import strawberry
from graphql import parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from support.constructs import Context, LeafType, Schema, World, build
from support.differences import difference
from support.executors import Thing, both
from support.executors import answers as both_answer
from support.waiting import until

from graph.context import Info
from graph.execution.executor import CompiledExecutor
from graph.execution.fallback import Reason
from graph.execution.operations import Operations, Survey
from graph.fields import batched
from graph.scalars import SCALARS

COMPILED, REFERENCE = build(is_compiled=True), build(is_compiled=False)


def compiled(query: type, **given: Any) -> Schema:
    schema = Schema(query=query, execution_context_class=CompiledExecutor, **given)
    schema.operations = Operations(schema)
    return schema


async def answers(text: str, variables: dict[str, Any] | None = None, seed: int = 1, fault: float = 0) -> list[Any]:
    """What both executions answer, on the same data."""
    world = World(seed, fault)
    return [await schema.execute(text, variables, context_value=Context(world)) for schema in (REFERENCE, COMPILED)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ __schema { queryType { name } } }", Reason.INTROSPECTION),
        ('{ hello ...F } fragment F on Query { __type(name: "Twig") { name } }', Reason.INTROSPECTION),
    ],
)
async def test_introspection_is_left_to_graphql_core_and_counted(text: str, reason: Reason):
    schema = build(is_compiled=True)
    assert schema.operations is not None

    for _ in range(2):
        assert not (await schema.execute(text, context_value=Context(World(1, 0)))).errors

    assert (schema.operations.tally.compiled, dict(schema.operations.tally.fallbacks)) == (0, {reason: 2})


async def test_a_resolver_that_an_extension_wraps_is_left_to_graphql_core():
    class Louder(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            return _next(root, info, *args, **kwargs) + "!"

    @strawberry.type
    class Query:
        @strawberry.field
        def word(self) -> str:
            return "word"

    schema = compiled(Query, extensions=[Louder])
    assert schema.operations is not None

    assert (await schema.execute("{ word }")).data == {"word": "word!"}
    assert dict(schema.operations.tally.fallbacks) == {Reason.MIDDLEWARE: 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ word @skip(if: true) ... @include(if: $a) { word } }", None),
        ("{ word @upper }", Reason.DIRECTIVE),
        ("query @live { word }", Reason.DIRECTIVE),
        ("{ ... @defer { word } }", Reason.DIRECTIVE),
        ("{ list @stream(initialCount: 1) }", Reason.DIRECTIVE),
        ("query ($a: Int @old) { word(a: $a) }", Reason.DIRECTIVE),
        ("{ ...F } fragment F($a: Int) on Query { word(a: $a) }", Reason.FRAGMENT_VARIABLES),
    ],
)
def test_what_a_document_must_not_hold_to_be_compiled(text: str, reason: Reason | None):
    assert Survey([parse(text, experimental_fragment_arguments=True)]).refusal is reason


async def test_each_set_of_conditions_has_a_plan_of_its_own():
    text = "query ($a: Boolean!, $b: Boolean!) { twigs { n @include(if: $a) ... @skip(if: $b) { name } __typename } }"

    for a in (True, False):
        for b in (True, False):
            reference, result = await answers(text, {"a": a, "b": b})
            assert result.data == reference.data
            assert list(result.data["twigs"][0]) == list(reference.data["twigs"][0])


async def test_a_null_for_an_argument_that_takes_none_is_refused_whenever_it_comes():
    """A variable with a default may stand there, and be null all the same."""
    text = "query ($n: Int = 2) { twigs(first: $n) { n } }"
    for given in ({}, {"n": None}, {"n": 1}, {"n": None}, {"n": 2}):
        reference, result = await answers(text, given)

        assert (result.data is None) is (given == {"n": None})
        assert difference(reference, result) is None


async def test_mutations_run_one_after_the_other_and_stop_at_a_null_that_reaches_the_root():
    done: list[str] = []

    @strawberry.type
    class Kept:
        name: str

        @strawberry.field
        async def later(self) -> str:
            for _ in range(5):
                await asyncio.sleep(0)
            done.append(f"{self.name} later")
            return self.name

        @strawberry.field
        def broken(self) -> int:
            raise ValueError(self.name)

    @strawberry.type
    class Query:
        word: str = "word"

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def act(self, name: str) -> Kept:
            await asyncio.sleep(0)
            done.append(name)
            return Kept(name=name)

        @strawberry.mutation
        def act_or_not(self, name: str) -> Kept | None:
            done.append(name)
            return Kept(name=name)

    schema = compiled(Query, mutation=Mutation)
    well = 'mutation { a: act(name: "a") { later } b: actOrNot(name: "b") { broken } c: act(name: "c") { later } }'
    ill = 'mutation { a: act(name: "a") { later } b: act(name: "b") { later broken } c: act(name: "c") { later } }'

    first = await schema.execute(well)
    order = [*done]
    done.clear()
    second = await schema.execute(ill)

    assert first.data == {"a": {"later": "a"}, "b": None, "c": {"later": "c"}}
    assert [error.path for error in first.errors or ()] == [["b", "broken"]]
    assert order == ["a", "a later", "b", "c", "c later"]
    assert second.data is None
    assert [(error.message, error.path) for error in second.errors or ()] == [("b", ["b", "broken"])]
    assert done == ["a", "a later", "b", "b later"]


async def test_a_fault_of_the_execution_itself_is_told_and_nothing_runs_again():
    done: list[str] = []

    @strawberry.type
    class Query:
        word: str = "word"

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def act(self) -> str:
            done.append("acted")
            return "acted"

    schema = compiled(Query, mutation=Mutation)
    assert schema.operations is not None
    for _ in range(2):
        assert (await schema.execute("mutation { act }")).data == {"act": "acted"}
    [variants] = schema.operations._kept.values()
    [plan] = variants._plans.values()

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    plan.root.fields[0].complete = broken
    result = await schema.execute("mutation { act }")

    assert result.data is None
    assert [error.message for error in result.errors or ()] == ["a bug"]
    assert done == ["acted"] * 3


@pytest.mark.parametrize(("text", "times"), [("{ word }", 1), ("{ word other: word }", 2)])
async def test_what_is_cut_off_is_cancelled_and_has_ended_when_the_caller_hears_of_it(text: str, times: int):
    told: list[str] = []

    @strawberry.type
    class Query:
        @strawberry.field
        async def word(self) -> str:
            told.append("began")
            try:
                await asyncio.sleep(60)
            finally:
                # As a transaction rolls back.
                await asyncio.sleep(0)
                told.append("ended")
            return "word"

    task = asyncio.ensure_future(compiled(Query).execute(text))
    await until(lambda: len(told) == times)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["began"] * times + ["ended"] * times


@pytest.mark.filterwarnings("error")
async def test_what_is_cut_off_before_it_began_leaves_no_coroutine_that_nobody_awaited():
    schema = compiled(Steps)
    for turns in range(8):
        text = "{ further { ownTask other: ownTask } other: further { ownTask } }"
        task = asyncio.ensure_future(schema.execute(text, root_value=Steps()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert len(asyncio.all_tasks()) == 1


@strawberry.type
class Steps:
    """What takes several steps, each of which waits for nothing that runs beside it."""

    @strawberry.field
    async def further(self) -> "Steps":
        await asyncio.sleep(0)
        return Steps()

    @strawberry.field
    async def cancelled(self) -> str | None:
        waited_for = asyncio.get_running_loop().create_future()
        waited_for.cancel()
        return await waited_for

    @strawberry.field
    async def own_task(self) -> str:
        await asyncio.sleep(0)
        return str(id(asyncio.current_task()))


async def test_what_runs_beside_nothing_takes_no_task():
    schema = compiled(Steps)

    alone = await schema.execute("{ further { further { ownTask } } }", root_value=Steps())
    beside = await schema.execute("{ ownTask other: ownTask }", root_value=Steps())

    assert alone.data == {"further": {"further": {"ownTask": str(id(asyncio.current_task()))}}}
    assert beside.data is not None
    assert len({*beside.data.values(), str(id(asyncio.current_task()))}) == 3


async def test_what_waits_for_something_cancelled_fails_alone():
    schema = compiled(Steps)
    for text in ("{ cancelled }", "{ further { cancelled further { cancelled } } }", "{ cancelled other: cancelled }"):
        result = await schema.execute(text, root_value=Steps())

        assert result.data is not None
        assert {error.path[-1] for error in result.errors or () if error.path} <= {"cancelled", "other"}
        assert len(result.errors or ()) == text.count("cancelled")


@strawberry.type
class Side:
    """One of two branches that wait for the same leaf; one of them fails meanwhile."""

    fails: strawberry.Private[bool]

    @strawberry.field
    async def sure(self) -> int:
        await asyncio.sleep(0)
        if self.fails:
            raise RuntimeError("late")
        return 1

    @strawberry.field(graphql_type=LeafType | None)
    async def loaded(self, info: Info) -> Any:
        return await info.context.loaders.leaf.load(1)


@strawberry.type
class Sides:
    @strawberry.field
    def left(self) -> Side | None:
        return Side(fails=True)

    @strawberry.field
    def right(self) -> Side | None:
        return Side(fails=False)


@pytest.mark.parametrize("executor", [None, CompiledExecutor])
async def test_an_error_of_one_branch_does_not_cut_off_what_another_loads(executor: type[CompiledExecutor] | None):
    """graphql-core cancels the siblings of an error, and with them what they wait for: the loader must not be that."""
    schema = Schema(query=Sides, execution_context_class=executor, config=StrawberryConfig(scalar_map=SCALARS))
    schema.operations = Operations(schema) if executor is not None else None

    result = await schema.execute(
        "{ left { sure loaded { key } } right { sure loaded { key } } }", context_value=Context(World(1, 0))
    )

    assert result.data == {"left": None, "right": {"sure": 1, "loaded": {"key": 1}}}
    assert [error.path for error in result.errors or ()] == [["left", "sure"]]


async def test_the_vague_permission_grants_nothing():
    for result in await answers("{ twigs { n vague secret } }"):
        assert {each["vague"] for each in result.data["twigs"]} == {None}
        assert [each["secret"] for each in result.data["twigs"]] == ["secret 1", "secret 2", None]
        assert {error.message for error in result.errors} >= {"not odd"}


async def test_what_one_level_wants_of_a_loader_is_read_at_once():
    world = World(1, 0)
    text = "{ twigs(first: 5) { leaf { next { next { key } } } loaded { key } sureLeaf { label } } }"

    contexts = Context(world), Context(world)
    for schema, context in zip((REFERENCE, COMPILED), contexts, strict=True):
        assert not (await schema.execute(text, context_value=context)).errors

    assert [context.loaders.reads for context in contexts] == [1, 1]


async def test_a_function_of_many_parents_takes_what_a_resolver_may_take():
    async def numbers(roots: Sequence[Thing]) -> list[int]:
        return [root.n for root in roots]

    async def names(roots: Sequence[Thing], times: int, where: Info) -> list[str]:
        return [where.field_name * times] * len(roots)

    @strawberry.type
    class Query:
        bare: int = batched(int, numbers, "It.")
        told: str = batched(str, names, "It.")

    result, _ = await both_answer(both(Query), "{ bare told(times: 2) }", root=Thing(3))

    assert result.data == {"bare": 3, "told": "toldtold"}


async def test_nothing_that_was_started_is_left_behind():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(8):
            context = Context(World(seed, 0.2))
            await COMPILED.execute(
                "{ twigs { slow(options: {}) sure { key } sureSecret promised } }", context_value=context
            )
    assert len(asyncio.all_tasks()) == 1
