"""Operations that Hypothesis thinks up for the shop, and shrinks where one goes wrong: as graphql-core answers them."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
from factories.whole_shop import make_whole_shop
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from support.differences import difference, leaves_coroutines
from support.faulty import faulty
from support.fuzzing import bounded
from support.shop import SCHEMA, Shop, sent
from support.thought_up import thought_up

from domain.actor import Actor
from graph.limits.rules import LimitCode
from graph.schema import build_schema

EXAMPLES = 50

REFERENCE = build_schema(is_compiled=False)

LIMITS: list[dict[str, int]] = [{}, {}, {}, {}, {}, {}, {"cost": 20}, {"depth": 3}]


@dataclass(frozen=True)
class Circumstances:
    """Who asks, what a document may be, and whether objects are read, written by the database, or hard to get."""

    viewer: Actor = field(repr=False)
    limits: dict[str, int]
    way: str
    seed: int

    async def answers(self, shop: Shop, text: str) -> tuple[Any, Any]:
        """What graphql-core answers behind the library's hooks, and what a compiled operation does the direct way."""
        given = shop.held_to(limits=self.limits, budgets=None)
        if self.way == "faulty":
            given = given.held_to(readers=faulty(given.process.services.readers, self.seed, 0.2))
        results: list[Any] = []
        for schema, takes_json in (REFERENCE, False), (SCHEMA, self.way == "written"):
            given.takes_json = takes_json
            result = await schema.execute(text, context_value=given.context(self.viewer))
            result.data = sent(result.data)
            results.append(result)
        return results[0], results[1]


def circumstances(*viewers: Actor) -> st.SearchStrategy[Circumstances]:
    ways = st.sampled_from(["read", "written", "faulty"])
    return st.builds(Circumstances, st.sampled_from(viewers), st.sampled_from(LIMITS), ways, st.integers(0, 9))


def cost(result: Any) -> tuple[int | None, int | None]:
    """What an operation might have cost, and what it has."""
    told = result.extensions.get("cost", {})
    return told.get("requested"), told.get("actual")


@leaves_coroutines
async def test_what_hypothesis_thinks_up_for_a_shop_is_answered_as_graphql_core_answers_it(shop: Shop):
    whole = await make_whole_shop(shop.database, 4)
    loop, told = asyncio.get_running_loop(), Counter[str]()

    @bounded(EXAMPLES)
    @given(await thought_up(shop, whole.admin), circumstances(whole.admin, whole.users[0]))
    def compare(text: str, given: Circumstances) -> None:
        reference, result = asyncio.run_coroutine_threadsafe(given.answers(shop, text), loop).result()

        assert difference(reference, result) is None, f"{text}\n{difference(reference, result)}"
        assert cost(result) == cost(reference)
        if given.way == "read" and not reference.errors:
            assert result.extensions["statements"] <= reference.extensions["statements"]
        codes = {error.extensions["code"] for error in reference.errors or ()}
        told["all"] += 1
        told["data"] += bool(reference.data)
        told["objects"] += orjson.dumps(reference.data).count(b"{")
        told["refused"] += not codes.isdisjoint(LimitCode)

    with capture_logs():
        await asyncio.to_thread(compare)
    # It must not have been made easy.
    assert told["data"] > told["all"] * 0.5, told
    assert told["objects"] > told["all"] * 2, told
    assert told["refused"] > told["all"] * 0.05, told
