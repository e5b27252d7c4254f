"""Stock, live: every change, whatever caused it, for those who may read the inventory."""

from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import move, place
from factories.people import make_admin, make_user
from factories.stock import change_stock
from support.shop import Shop

from domain.actor import Actor, Scope

CHANGED = """
subscription ($after: String, $filter: StockChangeFilter) {
  stockChanged(after: $after, filter: $filter) {
    cursor kind quantity onHand reserved available reason
    stockLevel { onHand variant { sku } } order { id } actor { username }
  }
}
"""

LOW = """
subscription ($filter: StockLowFilter) {
  stockLow(filter: $filter) { available reorderPoint stockLevel { variant { sku } warehouse { code } } }
}
"""


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    for sku in ("MUG", "CUP"):
        await make_variant(shop.database, sku, LON=10)
    return await make_admin(shop.database)


async def receive(shop: Shop, actor: Actor, sku: str, quantity: int) -> None:
    payload = await change_stock(shop, actor, "Receive", sku=sku, warehouse="LON", quantity=quantity)
    assert payload["userErrors"] == []


async def test_what_orders_and_people_do_to_a_level_is_told_alike(shop: Shop, admin: Actor):
    async with shop.watching(CHANGED, admin) as watch:
        order = await place(shop, admin, ("MUG", 3))
        await move(shop, admin, "cancel", order["id"], reason="Lost.")
        await receive(shop, admin, "CUP", 5)
        told: list[Any] = [(await watch.next())["stockChanged"] for _ in range(3)]

    facts = [(each["kind"], each["quantity"], each["onHand"], each["reserved"], each["available"]) for each in told]
    assert facts == [("RESERVATION", 3, 10, 3, 7), ("RELEASE", -3, 10, 0, 10), ("RECEIPT", 5, 15, 0, 15)]
    assert [each["stockLevel"]["variant"]["sku"] for each in told] == ["MUG", "MUG", "CUP"]
    assert [each["order"] and each["order"]["id"] for each in told] == [order["id"], order["id"], None]
    assert [each["reason"] for each in told] == [None, "Lost.", None]
    assert {each["actor"]["username"] for each in told} == {admin.username}


async def test_a_cursor_tells_what_was_missed_and_a_filter_what_is_wanted(shop: Shop, admin: Actor):
    async with shop.watching(CHANGED, admin) as watch:
        await receive(shop, admin, "MUG", 1)
        cursor = (await watch.next())["stockChanged"]["cursor"]
    await receive(shop, admin, "MUG", 2)
    await receive(shop, admin, "CUP", 3)
    await place(shop, admin, ("CUP", 4))

    wanted = {"sku": {"startsWith": "C"}, "warehouse": {"eq": "LON"}, "kind": {"in": ["RESERVATION", "RECEIPT"]}}
    async with shop.watching(CHANGED, admin, after=cursor, filter=wanted) as watch:
        told = [(await watch.next())["stockChanged"]["quantity"] for _ in range(2)]

    assert told == [3, 4]


async def test_a_level_that_becomes_low_is_told(shop: Shop, admin: Actor):
    given = {"sku": "MUG", "warehouse": "LON", "reorderPoint": 4}
    await change_stock(shop, admin, "ReorderPointSet", **given)

    async with shop.watching(LOW, admin, filter={"sku": {"eq": "MUG"}, "warehouse": {"eq": "LON"}}) as watch:
        await place(shop, admin, ("MUG", 5))
        await place(shop, admin, ("MUG", 1))
        told = (await watch.next())["stockLow"]

    level = {"variant": {"sku": "MUG"}, "warehouse": {"code": "LON"}}
    assert told == {"available": 4, "reorderPoint": 4, "stockLevel": level}


@pytest.mark.parametrize("query", [CHANGED, LOW])
async def test_stock_is_watched_by_those_who_may_read_it(shop: Shop, admin: Actor, query: str):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ)

    codes = []
    for viewer in (None, clerk):
        async with shop.watching(query, viewer) as watch:
            codes.append([error.extensions["code"] for error in (await watch.result()).errors])

    assert codes == [["UNAUTHENTICATED"], ["FORBIDDEN"]]
