"""Permissions in compiled execution: as strict as Strawberry's, and what they grant is still resolved all at once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.relay import GlobalID
from support.constructs import Context, World, build
from support.executors import Thing, answers, both
from support.permitted import AtOnce, Odd, Own, silently

from graph.context import Info
from graph.fields import batched

COMPILED, REFERENCE = build(is_compiled=True), build(is_compiled=False)


@dataclass
class Told:
    """What was asked, and what was resolved, by a permission and a resolver each."""

    asked: list[Any] = field(default_factory=list[Any])
    resolved: list[Any] = field(default_factory=list[Any])


async def test_permissions_are_asked_once_in_their_order_until_one_refuses():
    told = Told()

    def asking(name: str, by: int, *, later: bool) -> type[BasePermission]:
        class Asking(BasePermission):
            message = name

            def has_permission(self, source: Thing, info: Info, **_: Any) -> bool:
                told.asked.append((source.n, name))
                return source.n % by != 0

        class AskingLater(Asking):
            async def has_permission(self, source: Thing, info: Info, **_: Any) -> bool:
                await asyncio.sleep(0)
                return Asking.has_permission(self, source, info)

        return AskingLater if later else Asking

    @strawberry.type
    class Item:
        @strawberry.field(permission_classes=[asking("two", 2, later=False), asking("three", 3, later=False)])
        def now(self) -> int | None:
            told.resolved.append(self.n)
            return self.n

        @strawberry.field(permission_classes=[asking("two", 2, later=True), asking("three", 3, later=False)])
        async def later(self) -> int | None:
            told.resolved.append(self.n)
            return self.n

    @strawberry.type
    class Query:
        @strawberry.field(graphql_type=list[Item])
        def items(self) -> Any:
            return [Thing(n) for n in range(1, 7)]

    schemas = both(Query)
    for name in ("now", "later"):
        for schema in schemas:
            result = await schema.execute(f"{{ items {{ {name} }} }}", context_value=Context(World(1, 0)))
            by_object = [[name for n, name in told.asked if n == each] for each in range(1, 7)]

            assert [error.message for error in result.errors or ()] == ["two", "three", "two", "two"]
            assert by_object == [["two", "three"], ["two"], ["two", "three"], ["two"], ["two", "three"], ["two"]]
            assert told.resolved == [1, 5]
            told.asked.clear()
            told.resolved.clear()


async def test_arguments_that_do_not_fit_are_refused_before_anybody_is_asked():
    told: list[Any] = []

    class Asked(BasePermission):
        def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
            told.append("asked")
            return False

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[Asked])
        def now(self, id: GlobalID) -> str | None:
            return str(id)

        @strawberry.field(permission_classes=[Asked])
        async def later(self, id: GlobalID) -> str | None:
            return str(id)

    for name in ("now", "later"):
        compiled, after = await answers(both(Query), f'{{ {name}(id: "nothing") }}', told)

        assert [error.message for error in compiled.errors] == ['Value cannot represent a GlobalID: "nothing".']
        assert after == []


@pytest.mark.parametrize(
    "selected",
    [
        "oddLeaf { key hidden }",
        "silentLeaf { key }",
        "silentLeaves { key }",
        "silentLeaves { hiddenLength a: hiddenTotal(add: 1) b: hiddenTotal(add: 3) }",
        "leaves { toldTotal(add: 2) twig { n } }",
        "secret vague promisedSecret loudSecret",
        'lateSecret(options: {prefix: "x"})',
        "toldSecret(numbers: 3)",
        "toldSecret(numbers: [1, 2], to: 3)",
        "twigSecrets { n secret }",
        "pickSecrets { __typename ... on Twig { secret } }",
        "twin { ourLeaf { key } }",
        "twin { sureSecret }",
        "twin { countedSecret }",
    ],
)
async def test_fields_of_every_kind_are_permitted_as_by_graphql_core(selected: str):
    for text in ("{ twigs(first: 5) { n %s } }", "{ maybeTwigs { %s } }", "{ things { ... on Twig { %s } } }"):
        await answers([REFERENCE, COMPILED], text % selected)


async def test_what_a_permission_changes_in_its_arguments_the_resolver_is_given():
    """It is the same arguments and the same `info` that they are given."""
    infos: list[Info] = []

    class Clamped(BasePermission):
        def has_permission(self, source: Any, info: Info, *, numbers: list[int], **_: Any) -> bool:
            del numbers[2:]
            infos.append(info)
            return True

    async def count(roots: Sequence[Thing], info: Info, numbers: list[int]) -> list[int]:
        return [len(numbers) * any(each is info for each in infos)] * len(roots)

    @strawberry.type
    class Query:
        many: int = batched(int, count, "How many.", permission_classes=[Clamped])

        @strawberry.field(permission_classes=[Clamped])
        def now(self, info: Info, numbers: list[int]) -> int:
            return len(numbers) * any(each is info for each in infos)

    compiled, _ = await answers(both(Query), "{ now(numbers: [1, 2, 3]) many(numbers: [1, 2, 3]) }")

    assert compiled.data == {"now": 2, "many": 2}


async def test_a_mutation_that_is_refused_does_not_run_and_the_next_one_is_asked_after_it():
    told: list[Any] = []

    class Allowed(BasePermission):
        message = "refused"

        async def has_permission(self, source: Any, info: Info, *, name: str, **_: Any) -> bool:
            told.append(f"{name} asked")
            await asyncio.sleep(0)
            return name != "b"

    @strawberry.type
    class Query:
        word: str = "word"

    @strawberry.type
    class Mutation:
        @strawberry.mutation(permission_classes=[Allowed])
        async def act(self, name: str) -> str | None:
            await asyncio.sleep(0)
            told.append(f"{name} done")
            return name

        @strawberry.mutation(permission_classes=[Allowed])
        def act_surely(self, name: str) -> str:
            told.append(f"{name} done")
            return name

    schemas = both(Query, mutation=Mutation)
    await answers(schemas, 'mutation { a: act(name: "a") b: act(name: "b") c: actSurely(name: "c") }', told)
    compiled, after = await answers(
        schemas, 'mutation { a: act(name: "a") b: actSurely(name: "b") c: act(name: "c") }', told
    )

    assert compiled.data is None
    assert after == ["a asked", "a done", "b asked"]


async def test_a_subscription_is_asked_for_when_it_begins_and_what_is_in_its_events_each_time():
    @strawberry.type
    class Event:
        n: int

        @strawberry.field(permission_classes=[Odd])
        def name(self) -> str | None:
            return f"event {self.n}"

    @strawberry.type
    class Query:
        word: str = "word"

    class Known(BasePermission):
        message = "unknown"

        async def has_permission(self, source: Any, info: Info, *, name: str) -> bool:
            return name == "known"

    @strawberry.type
    class Subscription:
        @strawberry.subscription(permission_classes=[Known])
        async def events(self, name: str) -> AsyncGenerator[Event]:
            for n in (2, 3):
                yield Event(n=n)

    told: list[Any] = []
    for schema in both(Query, subscription=Subscription):
        for name in ("known", "other"):
            text = f'subscription {{ events(name: "{name}") {{ name }} }}'
            stream: Any = await schema.subscribe(text, context_value=Context(World(1, 0)))
            results = [each async for each in stream] if hasattr(stream, "__aiter__") else [stream]
            told.append([(each.data, [error.message for error in each.errors or ()]) for each in results])

    granted = [({"events": {"name": "event 2"}}, []), ({"events": {"name": None}}, ["not odd"])]
    assert told == [granted, [(None, ["unknown"])]] * 2


async def test_what_is_not_only_a_permission_is_strawberrys_business():
    class Louder(PermissionExtension):
        def resolve(self, next_: Any, source: Any, info: Any, **given: Any) -> Any:
            return super().resolve(next_, source, info, **given).upper()

    class Sly(PermissionExtension):
        def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
            return {**kwargs, "word": "sly"}

    class Quiet(FieldExtension):
        def resolve(self, next_: Any, source: Any, info: Any, **given: Any) -> Any:
            return next_(source, info, **given).lower()

    class Yes(BasePermission):
        def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
            return True

    async def words(roots: Sequence[Any], info: Info, word: str = "Word") -> list[str]:
        return [word] * len(roots)

    def word(word: str = "Word") -> str:
        return word

    @strawberry.type
    class Query:
        louder: str = strawberry.field(resolver=word, extensions=[Louder([Yes()])])
        sly: str = batched(str, words, "It.", extensions=[Sly([Yes()])])
        quiet: str = strawberry.field(resolver=word, extensions=[Quiet(), PermissionExtension([Yes()])])
        quieter: str = strawberry.field(resolver=word, extensions=[PermissionExtension([Yes()]), Quiet()])
        twice: str | None = strawberry.field(resolver=word, permission_classes=[Yes], **silently(Odd))
        again: str | None = strawberry.field(resolver=word, permission_classes=[Odd], **silently(Yes))

    compiled, _ = await answers(both(Query), "{ louder sly quiet quieter twice again }", root=Thing(3))

    assert compiled.data == {
        "louder": "WORD",
        "sly": "sly",
        "quiet": "word",
        "quieter": "word",
        "twice": None,
        "again": None,
    }
    assert [error.path for error in compiled.errors] == [["again"]]


async def test_what_is_said_instead_of_a_refusal_is_the_value():
    class Yielding(BasePermission):
        def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
            return False

        def on_unauthorized(self) -> Any:
            return "instead"

    class Owned(BasePermission):
        message = "mine"
        error_class = Own
        error_extensions = {"code": "OWN"}

        def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
            return False

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[Yielding])
        def now(self) -> str:
            raise AssertionError

        @strawberry.field(permission_classes=[Yielding])
        async def later(self) -> str:
            raise AssertionError

        @strawberry.field(extensions=[PermissionExtension([Owned()], use_directives=True)])
        async def owned(self) -> str | None:
            raise AssertionError

    compiled, _ = await answers(both(Query), "{ now later owned }")

    assert compiled.data == {"now": "instead", "later": "instead", "owned": None}
    assert [(error.message, error.extensions) for error in compiled.errors] == [("mine", {"code": "OWN"})]
    assert isinstance(compiled.errors[0].original_error, Own) or isinstance(compiled.errors[0], Own)


@pytest.mark.filterwarnings("error")
async def test_what_is_cut_off_while_it_is_asked_leaves_nothing_behind():
    text = "{ twigs { oddLeaf { key } ourLeaf { next { key } } sureSecret silentLeaves { hiddenTotal } } }"
    for turns in range(12):
        task = asyncio.ensure_future(COMPILED.execute(text, context_value=Context(World(1, 0))))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    # The loader still reads.
    left: set[Any] = {task.get_coro() for task in asyncio.all_tasks() - {asyncio.current_task()}}
    assert {each.__name__ for each in left} <= {"dispatch_queue_batch"}


async def test_a_fault_of_the_execution_after_what_was_asked_is_told():
    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[AtOnce])
        def word(self) -> str:
            return "word"

    _, schema = both(Query)
    assert schema.operations is not None
    given: dict[str, Any] = {"context_value": Context(World(1, 0)), "root_value": Thing(1)}
    for _ in range(2):
        assert not (await schema.execute("{ word other: word }", **given)).errors
    [variants] = schema.operations._kept.values()
    [plan] = variants._plans.values()

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    plan.root.fields[1].complete = broken
    result = await schema.execute("{ word other: word }", **given)

    assert [error.message for error in result.errors or ()] == ["a bug"]
