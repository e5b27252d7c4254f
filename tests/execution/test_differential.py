"""Random operations on a schema of every construct, with faults: answered as graphql-core answers them."""

import asyncio
import os
from typing import Any

from graphql import parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from support.constructs import LITERALS, Context, World, build
from support.differences import difference, executed, leaves_coroutines
from support.random_operations import RandomOperation

OPERATIONS = int(os.environ.get("ORDERWIRE_TEST_OPERATIONS", "90"))
"""How many; more are tried by hand: ORDERWIRE_TEST_OPERATIONS=5000."""

FAULTS = (0, 0.03, 0.15)

COMPILED, REFERENCE = build(is_compiled=True), build(is_compiled=False)


@leaves_coroutines
async def test_random_operations_are_answered_as_graphql_core_answers_them():
    told: dict[str, Any] = {"ran": 0, "errors": 0, "data": 0}
    for seed in range(OPERATIONS):
        operation = RandomOperation(REFERENCE._schema, seed, LITERALS)
        document = parse(operation.text)
        if validate(REFERENCE._schema, document):
            # Dice may merge what must not be.
            continue
        world = World(seed, FAULTS[seed % len(FAULTS)])
        contexts = Context(world), Context(world)
        reference, result = [
            await executed(schema, document, operation.variables, context)
            for schema, context in zip((REFERENCE, COMPILED), contexts, strict=True)
        ]

        assert difference(reference, result) is None, f"seed {seed}\n{operation!r}\n{difference(reference, result)}"
        if not reference.errors:
            assert contexts[1].loaders.reads <= contexts[0].loaders.reads, f"seed {seed}\n{operation!r}"
        told["ran"] += 1
        told["errors"] += bool(reference.errors)
        told["data"] += reference.data is not None

    # The dice must not have made it easy.
    assert told["ran"] > OPERATIONS * 0.6, told
    assert told["errors"] > told["ran"] * 0.3, told
    assert told["data"] > told["ran"] * 0.4, told
    assert COMPILED.operations is not None
    assert COMPILED.operations.tally.compiled >= told["ran"]
    assert not COMPILED.operations.tally.fallbacks


@leaves_coroutines
@settings(max_examples=20, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    queries(REFERENCE.as_str(), custom_scalars={"DateTime": st.just(nodes.String("2026-01-01T00:00:00Z"))}),
    st.integers(0, 5),
)
def test_what_hypothesis_thinks_up_is_answered_as_graphql_core_answers_it(text: str, seed: int):
    world, document = World(seed, 0.03), parse(text)

    async def answers() -> list[Any]:
        return [await executed(schema, document, {}, Context(world)) for schema in (REFERENCE, COMPILED)]

    assert difference(*asyncio.run(answers())) is None
