"""Hostile requests are refused for what they are, and cost next to nothing."""

import time
import tracemalloc

import pytest
from factories.people import make_admin
from hostile.corpus import CORPUS, Hostile
from support.measuring import unmeasured
from support.server import built
from support.shop import Shop

from app.choices import Execution

CPU = 0.1
"""Seconds of processor time that a refusal may take: 35 ms on free cores, half as much again on busy ones."""

ROOM = 8 << 20
"""Bytes that a refusal may need while it is made."""


def test_each_has_a_name_of_its_own():
    assert len({each.name for each in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("execution", Execution)
async def test_each_is_refused_for_what_it_is_without_a_statement(shop: Shop, execution: Execution):
    shop.schema = built(execution)
    admin = await make_admin(shop.database)

    answers = {each.name: await shop.run(each.query, admin, **each.variables) for each in CORPUS}

    codes = {name: answer.errors[0]["extensions"]["code"] for name, answer in answers.items()}
    assert codes == {each.name: each.code for each in CORPUS}
    assert {(answer.data, answer.statements) for answer in answers.values()} == {(None, 0)}


async def test_each_is_refused_in_a_moment(shop: Shop):
    slow = {}
    with unmeasured():
        for each in CORPUS:
            # A core may be busy; each time another text, for what was seen once may be known.
            for number in range(1, 4):
                if (took := await seconds(shop, each, " " * number)) <= CPU:
                    break
            else:
                slow[each.name] = took

    assert slow == {}


async def seconds(shop: Shop, hostile: Hostile, end: str) -> float:
    """The processor time that one refusal takes."""
    query = hostile.query + end
    started = time.process_time()
    await shop.run(query, **hostile.variables)
    return time.process_time() - started


async def test_each_needs_little_room_and_leaves_none_behind(shop: Shop):
    with unmeasured():
        for each in CORPUS:
            await shop.run(each.query, **each.variables)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            peaks = {}
            for each in CORPUS:
                tracemalloc.reset_peak()
                held, _ = tracemalloc.get_traced_memory()
                await shop.run(each.query + " ", **each.variables)
                peaks[each.name] = tracemalloc.get_traced_memory()[1] - held
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert {name: peak for name, peak in peaks.items() if peak > ROOM} == {}
    assert after - before < ROOM
