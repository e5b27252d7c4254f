"""What is new is paid for, and prepared in turns: others who bring something new are served between."""

import asyncio
from typing import Any

import pytest
from factories.people import make_user
from support.shop import Shop
from support.waiting import until

from app.graphql.budgets import MemoryBudgets
from graph.limits.desk import COMPILING, READING, Desk
from graph.limits.turns import NoTurnError
from graph.schema import build_schema

PAGE = "query ($is: Boolean!) { variants(first: 10) { nodes { id sku @include(if: $is) } } }"
READ = READING * len(PAGE)
COMPILED = COMPILING * 4
WORDY = f"{{ __typename # {'x' * 500}\n }}"
NONSENSE = f"{{ me {{ id {'x ' * 300} "


@pytest.fixture(params=[False, True], ids=["direct", "library"])
def new(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """A shop that knows no document yet, on each of the two ways of an operation."""
    new = Shop(shop.process)
    new.schema = build_schema()
    if request.param:
        new.schema.direct = None
    return new


def holding(shop: Shop, capacity: int, **services: Any) -> Shop:
    """The same shop, where each caller may spend so much, and gets next to nothing back."""
    held = shop.held_to(budgets=MemoryBudgets(capacity, 1, lambda: 0.0), **services)
    held.schema = shop.schema
    return held


def codes(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer.errors]


async def test_a_document_is_paid_for_until_it_is_known_and_a_plan_until_that_is(new: Shop):
    held = holding(new, 10_000)

    costs = [(await held.run(PAGE, **{"is": each})).cost for each in (True, True, True, False, False, False)]

    # What comes for the first time is not kept.
    paid = [READ + COMPILED, READ + COMPILED, None, COMPILED, COMPILED, None]
    assert [cost.get("document") for cost in costs] == paid
    assert {(cost["requested"], cost["actual"]) for cost in costs} == {(10, 1)}
    left = 10_000
    for cost, document in zip(costs, paid, strict=True):
        left -= (document or 0) + 1
        assert cost["remaining"] == left


async def test_what_is_no_graphql_is_paid_for_as_well(new: Shop):
    held = holding(new, 2 * READING * len(NONSENSE) + 1)

    answers = [await held.run(NONSENSE) for _ in range(3)]

    assert [codes(each) for each in answers] == [["GRAPHQL_PARSE_FAILED"], ["GRAPHQL_PARSE_FAILED"], ["BUDGET_SPENT"]]


async def test_no_more_is_charged_than_an_operation_may_cost(new: Shop):
    held = holding(new, 1000, limits={"cost": 100})

    assert (await held.run(WORDY)).cost["document"] == 100 + COMPILING


async def test_who_cannot_pay_for_new_documents_may_send_known_ones(new: Shop):
    await new.learn("{ __typename }")
    held = holding(new, 50)

    refused = await held.run(PAGE, **{"is": True})

    [error] = refused.errors
    assert error["extensions"] == {
        "code": "BUDGET_SPENT",
        "limit": 50,
        "requested": READ,
        "remaining": 50,
        "retryAfter": READ - 50,
    }
    assert error["message"].startswith(f"To prepare what is new in the document costs {READ}, and 50 are left.")
    assert (refused.data, refused.statements, refused.cost) == (None, 0, {})
    assert (await held.get("{ __typename }")) == {"__typename": "Query"}


async def test_an_operation_that_could_not_be_compiled_has_cost_nothing(new: Shop):
    # The document, and an operation, and no plan.
    held = holding(new, READ + 20)

    refused = await held.run(PAGE, **{"is": True})

    assert codes(refused) == ["BUDGET_SPENT"]
    assert (refused.data, refused.statements) == (None, 0)
    assert (refused.cost["actual"], refused.cost["document"], refused.cost["remaining"]) == (0, READ, 20)


async def test_who_finds_the_desk_taken_is_told_and_what_is_known_goes_on(new: Shop):
    await new.learn("{ __typename }")
    desk = Desk(waiting=5, patience=0.05)
    held = new.held_to(desk=desk)
    held.schema = new.schema

    async with desk.turn("somebody else"):
        refused = await held.run(PAGE, await make_user(new.database), **{"is": True})
        known = await held.run("{ __typename }")
    patient = new.held_to(desk=Desk(waiting=5, patience=60))
    patient.schema = new.schema
    later = await patient.run(PAGE, **{"is": True})

    assert codes(refused) == ["TOO_MANY_OPERATIONS"]
    assert (refused.data, known.errors) == (None, [])
    assert later.errors == []


async def test_callers_take_turns_and_whoever_brings_much_waits_behind_themselves():
    desk = Desk(waiting=4, patience=60)
    told: list[str] = []

    async def bring(caller: str) -> None:
        async with desk.turn(caller):
            told.append(caller)

    async with desk.turn("many"):
        many = [asyncio.create_task(bring("many")) for _ in range(4)]
        await asyncio.sleep(0)
        others = [asyncio.create_task(bring(name)) for name in ("one", "another")]
        await asyncio.sleep(0)
        with pytest.raises(NoTurnError):
            await bring("many")
    await asyncio.gather(*many, *others)

    assert told == ["one", "another", "many", "many", "many", "many"]


async def test_others_are_served_before_the_desk_is_free_again():
    desk = Desk(waiting=4, patience=60)
    loop = asyncio.get_running_loop()

    async with desk.turn("caller"):
        # What takes long, and waits for nothing.
        began = loop.time()
        while loop.time() < began + 0.02:
            pass

    assert desk.is_taken
    await until(lambda: not desk.is_taken)
    assert loop.time() - began >= 0.035
