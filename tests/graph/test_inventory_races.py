"""Changes of stock that race or are repeated: once each, never deadlocked, and the ledger agrees with the levels."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_user
from factories.stock import change_stock, contradictions, levels
from support.shop import Shop

from domain.actor import Actor, Scope

MUG = {"sku": "MUG", "warehouse": "LON"}

ACTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Receive", {**MUG, "quantity": 2}, {"quantity": 3}),
    ("Adjust", {**MUG, "delta": -2, "reason": "Count.", "expectedOnHand": 9}, {"expectedOnHand": None}),
    ("Transfer", {"sku": "MUG", "from": "LON", "to": "YRK", "quantity": 2}, {"from": "YRK", "to": "LON"}),
    ("ReorderPointSet", {**MUG, "reorderPoint": 2}, {"reorderPoint": 3}),
]


@pytest.fixture
async def keeper(shop: Shop) -> Actor:
    return await make_user(shop.database, "keeper", Scope.INVENTORY_WRITE)


@pytest.mark.parametrize(("act", "given", "other"), ACTS)
async def test_requests_that_race_with_one_key_do_it_once(
    shop: Shop, keeper: Actor, act: str, given: dict[str, Any], other: dict[str, Any]
):
    await make_variant(shop.database, "MUG", LON=9, YRK=9)
    key = {"idempotencyKey": str(uuid4())}

    payloads = await asyncio.gather(*(change_stock(shop, keeper, act, **given, **key) for _ in range(5)))
    before = await shop.counts()
    again = await change_stock(shop, keeper, act, **given, **key)
    conflict = await change_stock(shop, keeper, act, **given | other, **key)

    assert payloads == [again] * 5
    assert again["userErrors"] == []
    assert [error["code"] for error in conflict["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]
    assert await shop.counts() == before
    assert before["idempotency_keys"] == 1
    assert before["events"] == (2 if act == "Transfer" else 1)


async def test_a_refused_request_leaves_its_key_free(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=1)
    given = {**MUG, "delta": -2, "reason": "Lost.", "idempotencyKey": str(uuid4())}

    refused = await change_stock(shop, keeper, "Adjust", **given)
    await change_stock(shop, keeper, "Receive", **MUG, quantity=1)
    done = await change_stock(shop, keeper, "Adjust", **given)

    assert [error["code"] for error in refused["userErrors"]] == ["INSUFFICIENT_STOCK"]
    assert done["stockLevel"]["onHand"] == 0


async def test_of_twenty_counts_of_one_level_one_wins(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=9)
    count = {**MUG, "delta": 1, "reason": "Count.", "expectedOnHand": 9}

    payloads = await asyncio.gather(*(change_stock(shop, keeper, "Adjust", **count) for _ in range(20)))

    errors = [error for payload in payloads for error in payload["userErrors"]]
    assert [(error["code"], error["current"]) for error in errors] == [("ON_HAND_CONFLICT", 10)] * 19
    assert await levels(shop) == [("MUG", "LON", 10, 0)]
    assert await contradictions(shop) == []


async def test_two_who_receive_where_nothing_lay_make_one_level(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "CUP", LON=1)
    await make_variant(shop.database, "MUG")

    payloads = await asyncio.gather(*(change_stock(shop, keeper, "Receive", **MUG, quantity=2) for _ in range(8)))

    assert sorted(payload["stockLevel"]["onHand"] for payload in payloads) == [2, 4, 6, 8, 10, 12, 14, 16]
    assert await levels(shop) == [("CUP", "LON", 1, 0), ("MUG", "LON", 16, 0)]


async def test_transfers_in_opposite_directions_do_not_deadlock(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=50, YRK=50)
    await make_variant(shop.database, "CUP", HUL=1)
    ways = [("LON", "YRK"), ("YRK", "LON"), ("YRK", "HUL"), ("HUL", "LON"), ("LON", "HUL")]

    for _ in range(5):
        moves = [
            change_stock(shop, keeper, "Transfer", sku="MUG", **{"from": start, "to": end}, quantity=1)
            for start, end in ways * 2
        ]
        payloads = await asyncio.gather(*moves)
        codes = Counter(error["code"] for payload in payloads for error in payload["userErrors"])
        assert set(codes) <= {"NOT_FOUND", "INSUFFICIENT_STOCK"}

    assert sum(on_hand for sku, _, on_hand, _ in await levels(shop) if sku == "MUG") == 100
    assert await contradictions(shop) == []


async def test_orders_and_counts_side_by_side_never_oversell(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=10)

    async def shopping(index: int) -> None:
        if index % 2:
            await place(shop, keeper, ("MUG", 1))
        else:
            await change_stock(shop, keeper, "Adjust", **MUG, delta=-1, reason="Lost.")

    await asyncio.gather(*(shopping(index) for index in range(10)))

    assert await levels(shop) == [("MUG", "LON", 5, 5)]
    assert await contradictions(shop) == []
