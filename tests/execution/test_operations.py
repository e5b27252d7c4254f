"""The operations that were compiled: what is kept of them, and what must not be."""

import gc
from collections.abc import Iterator
from types import FrameType, FunctionType, ModuleType
from typing import Any

from support.constructs import Context, World, build

from domain.secret import new_secret
from graph.execution.operations import VARIANTS, Operations


async def test_what_is_kept_has_bounds():
    schema = build(is_compiled=True)
    schema.operations = Operations(schema, room=3 << 19)
    context = Context(World(1, 0))
    names = [f"c{number}" for number in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    text = f"query ({declared}) {{ {' '.join(f'{name}: hello @include(if: ${name})' for name in names)} __typename }}"

    for number in range(2**6):
        given = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        for _ in range(2):
            result = await schema.execute(text, given, context_value=context)
            assert set(result.data) == {"__typename", *(name for name in names if given[name])}
    [variants] = schema.operations._kept.values()
    assert len(variants._plans) == VARIANTS
    assert variants.fields == sum(plan.size for plan in variants._plans.values()) > VARIANTS
    for number in range(60):
        wide = " ".join(f"{each}{number}: __typename" for each in names)
        for _ in range(2):
            await schema.execute(f"{{ {wide} }}", context_value=context)
    assert (text, None) not in schema.operations._kept
    assert 30 < len(schema.operations._kept) < 60


async def test_what_is_asked_for_once_leaves_nothing_and_from_the_third_time_on_nothing_is_compiled():
    schema = build(is_compiled=True)
    assert schema.operations is not None
    kept, context = schema.operations._kept, Context(World(1, 0))

    async def asked(text: str, **given: Any) -> list[Any]:
        assert not (await schema.execute(text, given, context_value=context)).errors
        return [plan for variants in kept.values() for plan in variants._plans.values()]

    text = "query ($a: Int!, $shown: Boolean!) { hello @include(if: $shown) twigs(first: $a) { n } }"
    assert [await asked(text, a=1, shown=True), len(kept)] == [[], 0]
    [plan] = await asked(text, a=2, shown=True)
    assert await asked(text, a=3, shown=True) == [plan]

    # Neither other documents nor other conditions.
    for number in range(100):
        assert await asked(f"{{ a{number}: hello }}") == [plan]
    assert await asked(text, a=1, shown=False) == [plan]
    assert len(await asked(text, a=1, shown=False)) == 2
    assert len(kept) == 1


async def test_no_value_of_a_variable_is_kept():
    schema = build(is_compiled=True)
    assert schema.operations is not None
    # What may be one of several types is compiled when it is met: what that takes is kept.
    text = (
        "query ($secret: String!, $shown: Boolean!) { hello(who: $secret) @include(if: $shown) things { __typename } }"
    )

    secret = new_secret()

    for _ in range(2):
        await schema.execute(text, {"secret": secret, "shown": True}, context_value=Context(World(1, 0)))

    [variants] = schema.operations._kept.values()
    assert list(variants._plans) == [(True,)]
    texts = {each for each in reachable(variants) if isinstance(each, str)}
    assert text in texts
    assert secret not in texts


def reachable(start: object) -> Iterator[Any]:
    """What an object holds, and what that holds; of functions what they enclose, for code holds the whole program."""
    seen, waiting = {id(start)}, [start]
    while waiting:
        each = waiting.pop()
        yield each
        held = each.__closure__ or () if isinstance(each, FunctionType) else gc.get_referents(each)
        for below in held:
            if id(below) not in seen and not isinstance(below, ModuleType | FrameType | type):
                seen.add(id(below))
                waiting.append(below)
