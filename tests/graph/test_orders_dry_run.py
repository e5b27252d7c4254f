"""A rehearsal tells what the real thing would do, and leaves no trace."""

from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import move, place
from factories.people import make_admin, make_user
from support.shop import Shop

from domain.actor import Actor, Scope

REHEARSE = """
mutation ($input: Order%(name)sInput!) {
  order%(name)s(input: $input) {
    order { status version allowedActions { action allowed } }
    effect {
      from to version
      stock { kind quantity variant { sku } warehouse { code } }
      credited { amount currencyCode }
    }
    userErrors { code }
  }
}
"""
CASES = [
    # What was done before, what is rehearsed, where that leads, and what it does to the stock.
    ([], "Approve", "APPROVED", [], None),
    ([], "Reject", "REJECTED", [("RELEASE", -4, "LON"), ("RELEASE", -1, "YRK")], None),
    (["approve"], "Cancel", "CANCELLED", [("RELEASE", -4, "LON"), ("RELEASE", -1, "YRK")], None),
    (["approve"], "Ship", "SHIPPED", [("SHIPMENT", -4, "LON"), ("SHIPMENT", -1, "YRK")], None),
    (["approve", "ship"], "Deliver", "DELIVERED", [], None),
    (["approve", "ship"], "Return", "RETURNED", [("RETURN", 4, "LON"), ("RETURN", 1, "YRK")], "12.50"),
]


async def rehearse(shop: Shop, actor: Actor | None, name: str, order: str, **given: Any) -> Any:
    """The whole payload of a rehearsal, which must leave every row of every table as it was."""
    before = await shop.contents()
    answer = await shop.get(REHEARSE % {"name": name}, actor, input={"id": order, "dryRun": True, **given})
    assert await shop.contents() == before
    return answer[f"order{name}"]


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    return await make_admin(shop.database)


@pytest.fixture
async def order(shop: Shop, admin: Actor) -> str:
    """The id of a pending order of five mugs, four in one warehouse and one in another."""
    mug = await make_variant(shop.database, "MUG", "2.50")
    for priority, (code, units) in enumerate((("LON", 4), ("YRK", 6))):
        await make_warehouse(shop.database, code, priority)
        await put_stock(shop.database, mug, code, units)
    return (await place(shop, admin, ("MUG", 5)))["id"]


@pytest.mark.parametrize(("done", "name", "status", "stock", "credited"), CASES)
async def test_each_move_tells_what_it_would_do_and_then_does_just_that(
    shop: Shop,
    admin: Actor,
    order: str,
    done: list[str],
    name: str,
    status: str,
    stock: list[tuple[str, int, str]],
    credited: str | None,
):
    for action in done:
        await move(shop, admin, action, order)
    key = str(uuid4())
    version = len(done) + 1
    before = await shop.scalar("SELECT status FROM orders")

    payload = await rehearse(shop, admin, name, order, expectedVersion=version, idempotencyKey=key)
    real = (
        await shop.get(
            REHEARSE % {"name": name},
            admin,
            input={"id": order, "expectedVersion": version, "idempotencyKey": key},
        )
    )[f"order{name}"]

    assert payload["userErrors"] == []
    assert payload["effect"] == {
        "from": before,
        "to": status,
        "version": version + 1,
        "stock": [
            {"kind": kind, "quantity": quantity, "variant": {"sku": "MUG"}, "warehouse": {"code": code}}
            for kind, quantity, code in stock
        ],
        "credited": credited and {"amount": credited, "currencyCode": "GBP"},
    }
    assert real == {"order": payload["order"], "effect": None, "userErrors": []}


async def test_a_part_that_would_come_back_leaves_the_state_as_it_is(shop: Shop, admin: Actor, order: str):
    for action in ("approve", "ship"):
        await move(shop, admin, action, order)

    payload = await rehearse(shop, admin, "Return", order, lines=[{"position": 1, "quantity": 2}], restock=False)

    assert payload["effect"] == {
        "from": "SHIPPED",
        "to": "SHIPPED",
        "version": 4,
        "stock": [],
        "credited": {"amount": "5.00", "currencyCode": "GBP"},
    }


async def test_a_rehearsal_is_refused_as_the_real_thing_would_be(shop: Shop, admin: Actor, order: str):
    customer = await make_user(shop.database, "customer")
    reader = await make_user(shop.database, "reader", Scope.ORDERS_READ)

    payloads = [
        await rehearse(shop, admin, "Ship", order),
        await rehearse(shop, admin, "Approve", order, expectedVersion=7),
        await rehearse(shop, reader, "Approve", order),
        await rehearse(shop, customer, "Approve", order),
        await rehearse(shop, None, "Cancel", order),
    ]

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["ILLEGAL_TRANSITION", "VERSION_CONFLICT", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND"]
    assert [(payload["order"], payload["effect"]) for payload in payloads] == [(None, None)] * 5


async def test_who_may_not_see_stock_does_not_see_how_it_would_change(shop: Shop, order: str):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ, Scope.ORDERS_WRITE)

    payload = await rehearse(shop, clerk, "Cancel", order)

    assert (payload["effect"]["to"], payload["effect"]["stock"]) == ("CANCELLED", [])


async def test_nobody_is_told_of_a_rehearsal(shop: Shop, admin: Actor, order: str):
    async with shop.watching("subscription { orderStatusChanged { to } }", admin) as changes:
        await rehearse(shop, admin, "Approve", order)
        await move(shop, admin, "reject", order)

        assert await changes.next() == {"orderStatusChanged": {"to": "REJECTED"}}
