"""Shipping and delivering: what was reserved leaves the warehouses, once."""

import asyncio

import pytest
from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import make_order, move, place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import logged
from support.shop import Shop, order_id

from domain.actor import Scope
from domain.catalog.model import VariantKind
from domain.orders.model import OrderStatus

LEVELS = """
SELECT w.code, l.on_hand, l.reserved FROM stock_levels l JOIN warehouses w ON w.id = l.warehouse_id ORDER BY w.code
"""


@pytest.fixture
async def order(shop: Shop) -> str:
    """The id of an approved order of five mugs, four in one warehouse and one in another, and a service."""
    mug = await make_variant(shop.database, "MUG")
    await make_variant(shop.database, "POST", kind=VariantKind.SERVICE)
    for priority, (code, units) in enumerate((("LON", 4), ("YRK", 6))):
        await make_warehouse(shop.database, code, priority)
        await put_stock(shop.database, mug, code, units)
    placed = await place(shop, await make_user(shop.database, "owner"), ("MUG", 5), ("POST", 1))
    await move(shop, await make_admin(shop.database, "approver"), "approve", placed["id"])
    return placed["id"]


async def test_shipping_consumes_what_was_reserved_where_it_was_reserved(shop: Shop, order: str):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ, Scope.ORDERS_WRITE)

    payload = await move(shop, clerk, "ship", order, expectedVersion=2)

    assert payload["userErrors"] == []
    assert (payload["order"]["status"], payload["order"]["version"]) == ("SHIPPED", 3)
    assert await shop.database.read(text(LEVELS)) == [("LON", 0, 0), ("YRK", 5, 0)]
    assert (await shop.counts())["reservations"] == 0
    movements = text(
        "SELECT code, quantity, reserved_after, actor_id FROM stock_movements JOIN warehouses w ON w.id = warehouse_id"
        " WHERE kind = 'SHIPMENT' ORDER BY code"
    )
    assert await shop.database.read(movements) == [("LON", -4, 0, clerk.user_id), ("YRK", -1, 0, clerk.user_id)]


async def test_an_order_goes_all_the_way_with_one_event_for_each_step(shop: Shop, order: str):
    admin = await make_admin(shop.database)

    answers = [await move(shop, admin, action, order) for action in ("ship", "deliver", "return")]

    steps = [(answer["order"]["status"], answer["order"]["version"]) for answer in answers]
    assert steps == [("SHIPPED", 3), ("DELIVERED", 4), ("RETURNED", 5)]
    events = await logged(shop.database, "sequence, kind, payload", "aggregate_type = 'ORDER'")
    assert [(event.sequence, event.kind, event.payload["to"]) for event in events] == [
        (sequence, "ORDER_STATUS_CHANGED", status)
        for sequence, status in enumerate(("PENDING", "APPROVED", "SHIPPED", "DELIVERED", "RETURNED"), start=1)
    ]


async def test_what_was_promised_ahead_of_a_delivery_ships_only_when_it_is_there(shop: Shop):
    database, admin = shop.database, await make_admin(shop.database)
    await make_variant(database, "MUG", LON=2)
    await database.execute(text("UPDATE variants SET allow_backorder = true"))
    order = (await place(shop, admin, ("MUG", 3), ("MUG", 2)))["id"]
    await move(shop, admin, "approve", order)
    before = await shop.counts()

    refused = await move(shop, admin, "ship", order)

    assert refused == {
        "order": None,
        "userErrors": [
            {
                "__typename": "InsufficientStock",
                "code": "INSUFFICIENT_STOCK",
                "message": "5 of MUG are to ship, 2 are on hand.",
                "field": ["input", "id"],
                "sku": "MUG",
                "requested": 5,
                "available": 2,
            }
        ],
    }
    assert await shop.counts() == before
    assert await database.read(text(LEVELS)) == [("LON", 2, 5)]
    await database.execute(text("UPDATE stock_levels SET on_hand = 6"))
    assert (await move(shop, admin, "ship", order))["order"]["status"] == "SHIPPED"
    assert await database.read(text(LEVELS)) == [("LON", 1, 0)]


async def test_of_two_shipments_that_race_one_is_refused_and_the_goods_leave_once(shop: Shop, order: str):
    admin = await make_admin(shop.database)

    payloads = await asyncio.gather(*(move(shop, admin, "ship", order) for _ in range(4)))

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["ILLEGAL_TRANSITION"] * 3
    assert await shop.database.read(text(LEVELS)) == [("LON", 0, 0), ("YRK", 5, 0)]
    assert await shop.scalar("SELECT count(*) FROM stock_movements WHERE kind = 'SHIPMENT'") == 2


async def test_shipping_and_cancelling_that_race_leave_the_stock_to_one_of_them(shop: Shop, order: str):
    admin = await make_admin(shop.database)

    shipped, cancelled = await asyncio.gather(*(move(shop, admin, action, order) for action in ("ship", "cancel")))

    assert (shipped["order"] is None) is not (cancelled["order"] is None)
    levels = [("LON", 0, 0), ("YRK", 5, 0)] if shipped["order"] else [("LON", 4, 0), ("YRK", 6, 0)]
    assert await shop.database.read(text(LEVELS)) == levels


async def test_a_customer_neither_ships_nor_delivers_nor_takes_back_their_own_order(shop: Shop):
    owner = await make_user(shop.database, "owner")
    states = {"ship": OrderStatus.APPROVED, "deliver": OrderStatus.SHIPPED, "return": OrderStatus.DELIVERED}
    orders = {
        action: order_id(await make_order(shop.database, action, status=status, placed_by=owner))
        for action, status in states.items()
    }
    before = await shop.counts()

    answers = {action: await move(shop, owner, action, order) for action, order in orders.items()}

    codes = {action: [error["code"] for error in answer["userErrors"]] for action, answer in answers.items()}
    assert codes == {action: ["FORBIDDEN"] for action in states}
    assert await shop.counts() == before


async def test_the_reason_why_an_action_is_blocked_is_told(shop: Shop, order: str):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ, Scope.ORDERS_APPROVE)
    query = "query ($id: ID!) { order(id: $id) { allowedActions { action allowed reason } } }"

    told = (await shop.get(query, clerk, id=order))["order"]["allowedActions"]

    in_state, by_scope = "The order is APPROVED.", "This needs the scope orders:write."
    assert {each["action"]: each["reason"] for each in told} == {
        "APPROVE": in_state,
        "REJECT": in_state,
        "SHIP": by_scope,
        "DELIVER": in_state,
        "CANCEL": by_scope,
        "RETURN": in_state,
    }
    assert {each["allowed"] for each in told} == {False}
