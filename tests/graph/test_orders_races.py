"""Buyers who race for the same goods: never oversold, never deadlocked, and the ledger agrees with the levels."""

import asyncio

from factories.goods import make_variant
from factories.orders import move, place, try_place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.shop import Shop

CONTRADICTIONS = """
SELECT l.id FROM stock_levels l LEFT JOIN stock_movements m USING (variant_id, warehouse_id)
GROUP BY l.id
HAVING l.on_hand <> sum(m.on_hand_after - m.on_hand_before)
    OR l.reserved <> sum(m.reserved_after - m.reserved_before)
    OR l.reserved <> (SELECT coalesce(sum(quantity), 0) FROM reservations WHERE level_id = l.id)
"""


async def test_of_twenty_buyers_ten_get_the_last_ten_units(shop: Shop):
    await make_variant(shop.database, "MUG", LON=6, YRK=4)
    buyers = [await make_user(shop.database, f"buyer{index}") for index in range(20)]

    payloads = await asyncio.gather(*(try_place(shop, buyer, ("MUG", 1)) for buyer in buyers))

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["INSUFFICIENT_STOCK"] * 10
    levels = await shop.database.read(text("SELECT on_hand, reserved FROM stock_levels ORDER BY on_hand"))
    assert levels == [(4, 4), (6, 6)]
    counts = await shop.counts()
    assert (counts["orders"], counts["events"], counts["customers"]) == (10, 20, 10)
    assert await shop.database.read(text(CONTRADICTIONS)) == []


async def test_orders_that_name_the_same_goods_in_opposite_order_do_not_deadlock(shop: Shop):
    await make_variant(shop.database, "MUG", LON=1000, YRK=1000)
    await make_variant(shop.database, "CUP", LON=1000, YRK=1000)
    buyers = [await make_user(shop.database, f"buyer{index}") for index in range(8)]
    lines = [("MUG", 1), ("CUP", 1)]

    for _ in range(10):
        orders = [place(shop, buyer, *lines[:: 1 if index % 2 else -1]) for index, buyer in enumerate(buyers)]
        await asyncio.gather(*orders)

    assert await shop.scalar("SELECT sum(reserved) FROM stock_levels") == 160
    assert await shop.database.read(text(CONTRADICTIONS)) == []


async def test_placing_and_cancelling_side_by_side_leave_the_ledger_in_agreement(shop: Shop):
    await make_variant(shop.database, "MUG", LON=3, YRK=3)
    await make_variant(shop.database, "CUP", LON=9)
    admin = await make_admin(shop.database)
    buyers = [await make_user(shop.database, f"buyer{index}") for index in range(6)]

    async def shopping(index: int) -> None:
        for turn in range(5):
            payload = await try_place(shop, buyers[index], *[("MUG", 2), ("CUP", 1)][:: 1 if turn % 2 else -1])
            if payload["order"]:
                cancelled = await move(shop, admin, "cancel", payload["order"]["id"])
                assert cancelled["userErrors"] == []

    await asyncio.gather(*(shopping(index) for index in range(6)))

    assert await shop.scalar("SELECT sum(reserved) FROM stock_levels") == 0
    assert await shop.database.read(text(CONTRADICTIONS)) == []


async def test_two_first_orders_of_one_user_make_one_customer(shop: Shop):
    await make_variant(shop.database, "MUG", LON=9)
    buyer = await make_user(shop.database)

    await asyncio.gather(*(place(shop, buyer, ("MUG", 1)) for _ in range(5)))

    counts = await shop.counts()
    assert (counts["customers"], counts["orders"]) == (1, 5)
