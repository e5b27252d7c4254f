"""Many orders at once: each for itself, in the order asked, and safe to repeat."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import make_orders, move, place
from factories.people import make_admin, make_customer, make_user
from sqlalchemy import text
from support.log import logged
from support.shop import Shop, order_id

from domain.actor import Actor, Scope
from graph.node import global_id

BULK = """
mutation ($input: OrderBulk%(name)sInput!) {
  orderBulk%(name)s(input: $input) {
    results { id order { id status version } userErrors { __typename code field } }
    userErrors { code field message }
  }
}
"""


async def bulk(shop: Shop, actor: Actor | None, name: str, ids: list[str], **given: Any) -> Any:
    """The whole payload of `orderBulkApprove` or `orderBulkReject`."""
    return (await shop.get(BULK % {"name": name}, actor, input={"ids": ids, **given}))[f"orderBulk{name}"]


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    return await make_admin(shop.database)


@pytest.fixture
async def ids(shop: Shop, admin: Actor) -> list[str]:
    """Three pending orders of two mugs each."""
    await make_variant(shop.database, "MUG", LON=9)
    return [(await place(shop, admin, ("MUG", 2)))["id"] for _ in range(3)]


async def test_each_order_is_decided_for_itself_and_answered_in_its_place(shop: Shop, admin: Actor, ids: list[str]):
    await move(shop, admin, "cancel", ids[1])
    missing = order_id(uuid4())

    payload = await bulk(shop, admin, "Approve", [ids[2], ids[1], missing, ids[0]])

    assert payload["userErrors"] == []
    refusals = [
        {"__typename": "IllegalTransition", "code": "ILLEGAL_TRANSITION", "field": ["input", "ids", "1"]},
        {"__typename": "PlainError", "code": "NOT_FOUND", "field": ["input", "ids", "2"]},
    ]
    assert payload["results"] == [
        {"id": ids[2], "order": {"id": ids[2], "status": "APPROVED", "version": 2}, "userErrors": []},
        {"id": ids[1], "order": None, "userErrors": [refusals[0]]},
        {"id": missing, "order": None, "userErrors": [refusals[1]]},
        {"id": ids[0], "order": {"id": ids[0], "status": "APPROVED", "version": 2}, "userErrors": []},
    ]


async def test_rejecting_many_frees_their_goods_and_keeps_the_reason(shop: Shop, admin: Actor, ids: list[str]):
    payload = await bulk(shop, admin, "Reject", ids, reason="Out of print.")

    assert [result["order"]["status"] for result in payload["results"]] == ["REJECTED"] * 3
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 0
    assert (
        await logged(shop.database, "payload ->> 'reason'", "aggregate_type = 'ORDER' AND sequence = 2")
        == [("Out of print.",)] * 3
    )


async def test_a_repeated_request_answers_the_same_and_goes_on_with_what_was_not_done(
    shop: Shop, admin: Actor, ids: list[str]
):
    key = str(uuid4())

    first = await bulk(shop, admin, "Approve", ids[:2], idempotencyKey=key)
    before = await shop.contents()
    second = await bulk(shop, admin, "Approve", ids[:2], idempotencyKey=key)
    unchanged = await shop.contents()
    more = await bulk(shop, admin, "Approve", ids, idempotencyKey=key)

    assert second == first
    assert unchanged == before
    assert [result["order"]["version"] for result in more["results"]] == [2, 2, 2]
    assert (await shop.counts())["idempotency_keys"] == 3


async def test_another_decision_under_the_same_key_is_refused_for_each_order(shop: Shop, admin: Actor, ids: list[str]):
    key = str(uuid4())
    await bulk(shop, admin, "Approve", ids, idempotencyKey=key)

    payload = await bulk(shop, admin, "Reject", ids, idempotencyKey=key)

    conflict = {"__typename": "IdempotencyConflict", "code": "IDEMPOTENCY_CONFLICT"}
    assert [result["userErrors"] for result in payload["results"]] == [
        [conflict | {"field": ["input", "idempotencyKey"]}]
    ] * 3


async def test_requests_that_race_with_one_key_decide_each_order_once(shop: Shop, admin: Actor, ids: list[str]):
    key = str(uuid4())

    first, *others = await asyncio.gather(
        *(bulk(shop, admin, "Reject", ids[:: 1 if turn % 2 else -1], idempotencyKey=key) for turn in range(4))
    )

    for other in others:
        assert sorted(other["results"], key=str) == sorted(first["results"], key=str)
    assert len(await logged(shop.database, "id", "aggregate_type = 'ORDER'")) == 6
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 0


async def test_a_single_approval_that_races_with_many_decides_an_order_once(shop: Shop, admin: Actor, ids: list[str]):
    many, single = await asyncio.gather(bulk(shop, admin, "Approve", ids), move(shop, admin, "approve", ids[1]))

    codes = [error["code"] for error in single["userErrors"]]
    codes += [error["code"] for result in many["results"] for error in result["userErrors"]]
    assert codes == ["ILLEGAL_TRANSITION"]
    assert await shop.database.read(text("SELECT status, version FROM orders")) == [("APPROVED", 2)] * 3


async def test_what_breaks_a_written_rule_is_refused_as_a_whole(shop: Shop, admin: Actor, ids: list[str]):
    before = await shop.contents()
    wrong = [
        ([ids[0], ids[1], ids[0]], {}, [["input", "ids", "0"], ["input", "ids", "2"]]),
        ([], {}, [["input", "ids"]]),
        ([order_id(uuid4()) for _ in range(101)], {}, [["input", "ids"]]),
        ([ids[0], "nonsense"], {}, [["input", "ids", "1"]]),
        ([ids[0], global_id("Customer", uuid4())], {}, [["input", "ids", "1"]]),
        (ids, {"reason": "r" * 1001}, [["input", "reason"]]),
    ]

    payloads = [await bulk(shop, admin, "Reject", each, **given) for each, given, _ in wrong]

    assert [payload["results"] for payload in payloads] == [None] * 6
    assert [[error["field"] for error in each["userErrors"]] for each in payloads] == [fields for *_, fields in wrong]
    assert {error["code"] for each in payloads for error in each["userErrors"]} == {"BAD_INPUT"}
    assert await shop.contents() == before


async def test_a_hundred_orders_are_decided_at_once(shop: Shop, admin: Actor):
    keys = await make_orders(shop.database, 100, [await make_customer(shop.database)])

    payload = await bulk(shop, admin, "Approve", [order_id(key) for key in keys])

    assert [result["order"]["status"] for result in payload["results"]] == ["APPROVED"] * 100


async def test_deciding_takes_the_right_to_approve(shop: Shop, ids: list[str]):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ, Scope.ORDERS_WRITE)
    approver = await make_user(shop.database, "approver", Scope.ORDERS_READ, Scope.ORDERS_APPROVE)
    customer = await make_user(shop.database, "customer")
    before = await shop.contents()

    refused = [await bulk(shop, actor, "Approve", ids) for actor in (None, customer, clerk)]
    unchanged = await shop.contents()
    done = await bulk(shop, approver, "Approve", ids)

    codes = [[error["code"] for result in each["results"] for error in result["userErrors"]] for each in refused]
    assert codes == [["NOT_FOUND"] * 3, ["NOT_FOUND"] * 3, ["FORBIDDEN"] * 3]
    assert unchanged == before
    assert [result["order"]["status"] for result in done["results"]] == ["APPROVED"] * 3
