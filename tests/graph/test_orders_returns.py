"""Taking back: never more than was ordered, some or all, into the stock or not."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import make_order, make_return, move, place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import logged, settle
from support.shop import Shop, order_id

from domain.actor import Actor, Scope
from domain.catalog.model import VariantKind
from domain.orders.model import OrderStatus
from graph.node import parse_id

RETURN = """
mutation ($input: OrderReturnInput!) {
  orderReturn(input: $input) {
    order { status version returns { number } }
    orderReturn {
      number total { amount currencyCode } order { number }
      lines { position quantity orderLinePosition unitPrice { amount } variant { sku } }
    }
    userErrors {
      __typename code message field
      ... on ReturnExceeds { position requested returnable }
      ... on IllegalTransition { from to allowed }
    }
  }
}
"""
LEVELS = "SELECT sku, on_hand, reserved FROM stock_levels JOIN variants v ON v.id = variant_id ORDER BY sku"


async def take_back(shop: Shop, actor: Actor | None, order: str, *lines: tuple[int, int], **given: Any) -> Any:
    """The whole payload of `orderReturn`; without lines, of all that is left."""
    wanted = {"lines": [{"position": position, "quantity": units} for position, units in lines]} if lines else {}
    return (await shop.get(RETURN, actor, input={"id": order, **wanted, **given}))["orderReturn"]


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    return await make_admin(shop.database)


@pytest.fixture
async def order(shop: Shop, admin: Actor) -> str:
    """The id of a delivered order, at version 4: five mugs, two cups, one postage."""
    await make_variant(shop.database, "MUG", "2.50", LON=9)
    await make_variant(shop.database, "CUP", "4.00", LON=9)
    await make_variant(shop.database, "POST", "3.99", kind=VariantKind.SERVICE)
    placed = await place(shop, admin, ("MUG", 5), ("CUP", 2), ("POST", 1))
    for action in ("approve", "ship", "deliver"):
        await move(shop, admin, action, placed["id"])
    return placed["id"]


async def test_all_of_an_order_comes_back_with_one_return_and_the_goods_are_on_hand(
    shop: Shop, admin: Actor, order: str
):
    payload = await take_back(shop, admin, order, reason="Wrong colour.", expectedVersion=4)

    assert payload["userErrors"] == []
    assert payload["order"] == {"status": "RETURNED", "version": 5, "returns": [{"number": "RT-000001"}]}
    assert payload["orderReturn"] == {
        "number": "RT-000001",
        "total": {"amount": "24.49", "currencyCode": "GBP"},
        "order": {"number": "OW-000001"},
        "lines": [
            {
                "position": position,
                "quantity": units,
                "orderLinePosition": position,
                "unitPrice": {"amount": price},
                "variant": {"sku": sku},
            }
            for position, (sku, units, price) in enumerate(
                (("MUG", 5, "2.50"), ("CUP", 2, "4.00"), ("POST", 1, "3.99")), start=1
            )
        ],
    }
    assert await shop.database.read(text(LEVELS)) == [("CUP", 9, 0), ("MUG", 9, 0)]
    movements = "SELECT quantity, reason, reference FROM stock_movements WHERE kind = 'RETURN' ORDER BY quantity"
    assert await shop.database.read(text(movements)) == [
        (2, "Wrong colour.", "RT-000001"),
        (5, "Wrong colour.", "RT-000001"),
    ]
    event = "SELECT payload FROM events WHERE aggregate_type = 'ORDER' AND sequence = 5"
    await settle(shop.database)
    assert await shop.scalar(event) == {
        "from": "DELIVERED",
        "to": "RETURNED",
        "number": "OW-000001",
        "reason": "Wrong colour.",
        "customer_id": str(await shop.scalar("SELECT customer_id FROM orders")),
        "total": "24.49",
        "currency": "GBP",
    }


async def test_some_of_an_order_comes_back_and_the_rest_later(shop: Shop, admin: Actor, order: str):
    first = await take_back(shop, admin, order, (1, 2), (2, 2))
    second = await take_back(shop, admin, order, (1, 1))
    rest = await take_back(shop, admin, order)

    answers = [(each["order"]["status"], each["order"]["version"]) for each in (first, second, rest)]
    assert answers == [("DELIVERED", 5), ("DELIVERED", 6), ("RETURNED", 7)]
    totals = [each["orderReturn"]["total"]["amount"] for each in (first, second, rest)]
    assert totals == ["13.00", "2.50", "8.99"]
    assert [(line["orderLinePosition"], line["quantity"]) for line in rest["orderReturn"]["lines"]] == [(1, 2), (3, 1)]
    assert await shop.database.read(text(LEVELS)) == [("CUP", 9, 0), ("MUG", 9, 0)]
    events = await logged(shop.database, "sequence, kind, payload", "aggregate_type = 'ORDER' AND sequence > 4")
    kinds = [(event.sequence, event.kind) for event in events]
    assert kinds == [(5, "ORDER_LINES_RETURNED"), (6, "ORDER_LINES_RETURNED"), (7, "ORDER_STATUS_CHANGED")]
    assert events[0].payload == {
        "number": "OW-000001",
        "return": "RT-000001",
        "reason": None,
        "restocked": True,
        "lines": [{"position": 1, "quantity": 2}, {"position": 2, "quantity": 2}],
    }


async def test_an_order_on_its_way_can_come_back(shop: Shop, admin: Actor):
    await make_variant(shop.database, "MUG", LON=1)
    order = (await place(shop, admin, ("MUG", 1)))["id"]
    for action in ("approve", "ship"):
        await move(shop, admin, action, order)

    assert (await take_back(shop, admin, order))["order"]["status"] == "RETURNED"
    assert await shop.database.read(text(LEVELS)) == [("MUG", 1, 0)]


async def test_without_restock_the_goods_stay_away(shop: Shop, admin: Actor, order: str):
    payload = await take_back(shop, admin, order, restock=False)

    assert payload["order"]["status"] == "RETURNED"
    assert await shop.database.read(text(LEVELS)) == [("CUP", 7, 0), ("MUG", 4, 0)]
    assert await shop.scalar("SELECT count(*) FROM stock_movements WHERE kind = 'RETURN'") == 0


async def test_more_than_is_left_is_refused_for_each_line_and_nothing_changes(shop: Shop, admin: Actor, order: str):
    await take_back(shop, admin, order, (1, 3))
    before = await shop.counts()

    payload = await take_back(shop, admin, order, (1, 3), (2, 1), (3, 2), (9, 1))

    fact = {"__typename": "ReturnExceeds", "code": "RETURN_EXCEEDS"}
    assert payload == {
        "order": None,
        "orderReturn": None,
        "userErrors": [
            fact
            | {
                "message": "3 of line 1 were to come back, 2 still can.",
                "field": ["input", "lines", "0", "quantity"],
                "position": 1,
                "requested": 3,
                "returnable": 2,
            },
            fact
            | {
                "message": "2 of line 3 were to come back, 1 still can.",
                "field": ["input", "lines", "2", "quantity"],
                "position": 3,
                "requested": 2,
                "returnable": 1,
            },
            {
                "__typename": "PlainError",
                "code": "BAD_INPUT",
                "message": "The order has no line 9.",
                "field": ["input", "lines", "3", "position"],
            },
        ],
    }
    assert await shop.counts() == before


async def test_what_breaks_a_written_rule_is_refused(shop: Shop, admin: Actor, order: str):
    before = await shop.counts()

    twice = await take_back(shop, admin, order, (1, 1), (2, 0), (1, 1))
    none = await take_back(shop, admin, order, lines=[])
    long = await take_back(shop, admin, order, reason="r" * 1001)

    fields = [[error["field"] for error in payload["userErrors"]] for payload in (twice, none, long)]
    lines = ["input", "lines"]
    assert fields == [
        [[*lines, "0", "position"], [*lines, "1", "quantity"], [*lines, "2", "position"]],
        [lines],
        [["input", "reason"]],
    ]
    assert {error["code"] for payload in (twice, none, long) for error in payload["userErrors"]} == {"BAD_INPUT"}
    assert await shop.counts() == before


async def test_what_has_not_shipped_or_has_come_back_cannot_come_back(shop: Shop, admin: Actor):
    others = set(OrderStatus) - {OrderStatus.SHIPPED, OrderStatus.DELIVERED}
    orders = {status: await make_order(shop.database, status, status=status) for status in others}

    answers = {status: await take_back(shop, admin, order_id(key)) for status, key in orders.items()}

    assert {status: answer["userErrors"][0]["code"] for status, answer in answers.items()} == dict.fromkeys(
        orders, "ILLEGAL_TRANSITION"
    )
    assert (await shop.counts())["returns"] == 0


async def test_returns_that_were_imported_count_where_they_name_the_line(shop: Shop, admin: Actor):
    mug = await make_variant(shop.database, "MUG", LON=1)
    key = await make_order(shop.database, "536365", status=OrderStatus.DELIVERED, lines=[(mug, 6, "2.55")])
    await make_return(shop.database, "C536379", order=key, lines=[(mug, 4, "2.55")])
    await shop.database.execute(text("UPDATE return_lines SET order_id = :key, order_line_position = 1"), {"key": key})

    exceeding = await take_back(shop, admin, order_id(key), (1, 3))
    rest = await take_back(shop, admin, order_id(key), expectedVersion=1)
    again = await take_back(shop, admin, order_id(key))

    assert exceeding["userErrors"][0]["returnable"] == 2
    assert (rest["order"]["status"], rest["order"]["version"]) == ("RETURNED", 2)
    assert rest["orderReturn"]["total"]["amount"] == "5.10"
    assert again["userErrors"][0]["code"] == "ILLEGAL_TRANSITION"
    assert await shop.database.read(text(LEVELS)) == [("MUG", 3, 0)]


async def test_where_every_unit_came_back_before_there_is_nothing_to_return(shop: Shop, admin: Actor):
    mug = await make_variant(shop.database, "MUG", LON=1)
    key = await make_order(shop.database, "536365", status=OrderStatus.DELIVERED, lines=[(mug, 6, "2.55")])
    await make_return(shop.database, "C536379", order=key, lines=[(mug, 6, "2.55")])
    await shop.database.execute(text("UPDATE return_lines SET order_id = :key, order_line_position = 1"), {"key": key})

    [error] = (await take_back(shop, admin, order_id(key)))["userErrors"]
    query = "query ($id: ID!) { order(id: $id) { allowedActions { action allowed reason } } }"
    told = (await shop.get(query, admin, id=order_id(key)))["order"]["allowedActions"]

    assert (error["code"], error["field"]) == ("BAD_INPUT", ["input", "id"])
    assert [offer for offer in told if offer["action"] == "RETURN"] == [
        {"action": "RETURN", "allowed": False, "reason": "Everything of this order has come back already."}
    ]


async def test_more_than_a_level_can_count_does_not_come_back(shop: Shop, admin: Actor, order: str):
    await shop.database.execute(text("UPDATE stock_levels SET on_hand = 2147483645"))
    before = await shop.contents()

    [error] = (await take_back(shop, admin, order, (1, 3)))["userErrors"]

    assert (error["code"], error["field"]) == ("BAD_INPUT", ["input", "id"])
    assert await shop.contents() == before


async def test_of_returns_of_the_same_line_that_race_one_wins(shop: Shop, admin: Actor, order: str):
    payloads = await asyncio.gather(*(take_back(shop, admin, order, (1, 3)) for _ in range(4)))

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["RETURN_EXCEEDS"] * 3
    assert await shop.database.read(text(LEVELS)) == [("CUP", 7, 0), ("MUG", 7, 0)]
    assert await shop.database.read(text("SELECT version, status FROM orders")) == [(5, "DELIVERED")]
    assert (await shop.counts())["returns"] == 1


async def test_the_same_key_answers_with_the_same_return(shop: Shop, admin: Actor, order: str):
    key = str(uuid4())

    first, *others = await asyncio.gather(
        *(take_back(shop, admin, order, (1, 1), idempotencyKey=key) for _ in range(4))
    )
    other = await take_back(shop, admin, order, (1, 2), idempotencyKey=key)

    assert others == [first] * 3
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]
    assert (await shop.counts())["returns"] == 1


async def test_taking_back_takes_the_right_to_write_orders(shop: Shop, order: str):
    writer = await make_user(shop.database, "writer", Scope.ORDERS_READ, Scope.ORDERS_WRITE)
    reader = await make_user(shop.database, "reader", Scope.ORDERS_READ, Scope.ORDERS_APPROVE)
    blind = await make_user(shop.database, "blind", Scope.ORDERS_WRITE)
    before = await shop.counts()

    refused = [await take_back(shop, actor, order, (1, 1)) for actor in (None, blind, reader)]
    unchanged = await shop.counts()
    done = await take_back(shop, writer, order, (1, 1))

    codes = [error["code"] for payload in refused for error in payload["userErrors"]]
    assert codes == ["NOT_FOUND", "NOT_FOUND", "FORBIDDEN"]
    assert unchanged == before
    assert done["orderReturn"]["number"] == "RT-000001"
    assert await shop.scalar("SELECT order_id FROM returns") == parse_id(order)[1]
