"""Approving, rejecting and cancelling: who may, from where, and what becomes of the goods."""

from uuid import uuid4

import pytest
from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import make_order, move, place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import logged
from support.shop import Shop, order_id

from domain.actor import Actor, Scope
from domain.orders.model import MOVES, TARGETS, OrderAction, OrderStatus
from graph.node import parse_id

LEVELS = """
SELECT w.code, l.on_hand, l.reserved FROM stock_levels l JOIN warehouses w ON w.id = l.warehouse_id ORDER BY w.code
"""


async def refused(shop: Shop, actor: Actor | None, action: str, order: str, **given: object) -> list[dict]:
    """The errors of a move that must be refused and leave nothing behind."""
    before = await shop.counts(), await shop.database.read(text("SELECT * FROM orders"))
    payload = await move(shop, actor, action, order, **given)
    assert payload["order"] is None
    assert (await shop.counts(), await shop.database.read(text("SELECT * FROM orders"))) == before
    return payload["userErrors"]


@pytest.fixture
async def order(shop: Shop) -> str:
    """The id of a pending order of five mugs, four in one warehouse and one in another."""
    mug = await make_variant(shop.database, "MUG")
    for priority, (code, units) in enumerate((("LON", 4), ("YRK", 6))):
        await make_warehouse(shop.database, code, priority)
        await put_stock(shop.database, mug, code, units)
    return (await place(shop, await make_user(shop.database, "owner"), ("MUG", 5)))["id"]


async def test_approving_keeps_the_goods_reserved(shop: Shop, order: str):
    payload = await move(shop, await make_admin(shop.database), "approve", order, expectedVersion=1)

    assert payload["userErrors"] == []
    assert (payload["order"]["status"], payload["order"]["version"]) == ("APPROVED", 2)
    assert await shop.database.read(text(LEVELS)) == [("LON", 4, 4), ("YRK", 6, 1)]
    assert await shop.scalar("SELECT approved_at = updated_at FROM orders")


@pytest.mark.parametrize(("action", "status"), [("reject", "REJECTED"), ("cancel", "CANCELLED")])
async def test_rejecting_and_cancelling_give_the_goods_back_where_they_came_from(
    shop: Shop, order: str, action: str, status: str
):
    admin = await make_admin(shop.database)

    payload = await move(shop, admin, action, order, reason="Out of print.")

    assert payload["order"]["status"] == status
    assert await shop.database.read(text(LEVELS)) == [("LON", 4, 0), ("YRK", 6, 0)]
    assert (await shop.counts())["reservations"] == 0
    movements = text(
        "SELECT w.code, quantity, reserved_before, reserved_after, reason, actor_id, order_id FROM stock_movements"
        " JOIN warehouses w ON w.id = warehouse_id WHERE kind = 'RELEASE' ORDER BY code"
    )
    who = ("Out of print.", admin.user_id, parse_id(order)[1])
    assert await shop.database.read(movements) == [("LON", -4, 4, 0, *who), ("YRK", -1, 1, 0, *who)]


async def test_an_approved_order_can_still_be_cancelled_and_counts_as_approved(shop: Shop, order: str):
    admin = await make_admin(shop.database)
    await move(shop, admin, "approve", order)

    payload = await move(shop, admin, "cancel", order)
    stats = await shop.get("{ reports { orderStats { approved cancelled } } }", admin)

    assert (payload["order"]["status"], payload["order"]["version"]) == ("CANCELLED", 3)
    assert await shop.database.read(text(LEVELS)) == [("LON", 4, 0), ("YRK", 6, 0)]
    assert stats["reports"]["orderStats"] == {"approved": 1, "cancelled": 1}


async def test_each_move_is_recorded_in_sequence(shop: Shop, order: str):
    admin = await make_admin(shop.database)

    await move(shop, admin, "approve", order)
    await move(shop, admin, "cancel", order, reason="Lost.")

    events = await logged(shop.database, "sequence, payload, actor_id, request_id", "aggregate_type = 'ORDER'")
    assert [event.sequence for event in events] == [1, 2, 3]
    assert [(each.payload["from"], each.payload["to"], each.payload["reason"]) for each in events] == [
        (None, "PENDING", None),
        ("PENDING", "APPROVED", None),
        ("APPROVED", "CANCELLED", "Lost."),
    ]
    assert [(event.actor_id, event.request_id) for event in events[1:]] == [(admin.user_id, "test-request")] * 2


ILLEGAL = [(status, action) for status in OrderStatus for action in OrderAction if TARGETS[action] not in MOVES[status]]


async def test_a_move_that_the_table_does_not_have_is_refused_with_what_it_has(shop: Shop):
    admin = await make_admin(shop.database)
    orders = {status: order_id(await make_order(shop.database, status, status=status)) for status in OrderStatus}

    errors = [await refused(shop, admin, action, orders[status]) for status, action in ILLEGAL]

    assert errors == [
        [
            {
                "__typename": "IllegalTransition",
                "code": "ILLEGAL_TRANSITION",
                "message": f"Order {status} is {status} and cannot become {TARGETS[action]}.",
                "field": ["input", "id"],
                "from": status,
                "to": TARGETS[action],
                "allowed": list(MOVES[status]),
            }
        ]
        for status, action in ILLEGAL
    ]


async def test_another_version_than_expected_is_refused_with_the_current_one(shop: Shop, order: str):
    admin = await make_admin(shop.database)

    errors = [await refused(shop, admin, action, order, expectedVersion=7) for action in OrderAction]

    conflict = {
        "__typename": "VersionConflict",
        "code": "VERSION_CONFLICT",
        "message": "Order OW-000001 is at version 1, not 7. Read it again.",
        "field": ["input", "expectedVersion"],
        "current": 1,
    }
    assert errors == [[conflict]] * len(OrderAction)


async def test_a_missing_order_and_a_hidden_one_look_the_same(shop: Shop, order: str):
    stranger = await make_user(shop.database, "stranger", Scope.ORDERS_WRITE, Scope.ORDERS_APPROVE)

    answers = [
        await refused(shop, actor, action, which)
        for action in OrderAction
        for actor in (stranger, None)
        for which in (order, order_id(uuid4()))
    ]

    not_found = {"__typename": "PlainError", "code": "NOT_FOUND", "message": "No such order.", "field": ["input", "id"]}
    assert answers == [[not_found]] * 4 * len(OrderAction)


TAKES = {
    OrderAction.APPROVE: Scope.ORDERS_APPROVE,
    OrderAction.REJECT: Scope.ORDERS_APPROVE,
    OrderAction.SHIP: Scope.ORDERS_WRITE,
    OrderAction.DELIVER: Scope.ORDERS_WRITE,
    OrderAction.CANCEL: Scope.ORDERS_WRITE,
    OrderAction.RETURN: Scope.ORDERS_WRITE,
}
FROM = {action: next(status for status in OrderStatus if TARGETS[action] in MOVES[status]) for action in OrderAction}
"""A state from which each action can be taken."""


@pytest.mark.parametrize("scope", [Scope.ORDERS_APPROVE, Scope.ORDERS_WRITE])
async def test_each_action_takes_its_own_scope_and_is_offered_to_its_holders(shop: Shop, scope: Scope):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ, scope)
    offers = "query ($id: ID!) { order(id: $id) { allowedActions { action allowed } } }"

    for action in OrderAction:
        variant = await make_variant(shop.database, action, LON=1)
        key = await make_order(shop.database, action, status=FROM[action], lines=[(variant, 1, "1")])
        order = order_id(key)
        offered = (await shop.get(offers, clerk, id=order))["order"]["allowedActions"]
        payload = await move(shop, clerk, action, order)

        possible = {each for each in OrderAction if TARGETS[each] in MOVES[FROM[action]] and TAKES[each] is scope}
        assert offered == [{"action": each, "allowed": each in possible} for each in OrderAction]
        codes = [error["code"] for error in payload["userErrors"]]
        assert codes == ([] if TAKES[action] is scope else ["FORBIDDEN"])


async def test_whoever_placed_an_order_may_cancel_it_while_it_is_pending(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    owner = await make_user(shop.database)
    pending, approved = [await place(shop, owner, ("MUG", 1)) for _ in range(2)]
    await move(shop, await make_admin(shop.database), "approve", approved["id"])

    [by_approving] = await refused(shop, owner, "approve", pending["id"])
    [by_cancelling] = await refused(shop, owner, "cancel", approved["id"])
    cancelled = await move(shop, owner, "cancel", pending["id"], reason="Changed my mind.")

    assert (by_approving["code"], by_cancelling["code"]) == ("FORBIDDEN", "FORBIDDEN")
    assert cancelled["order"]["status"] == "CANCELLED"


async def test_a_reason_has_at_most_a_thousand_characters(shop: Shop, order: str):
    admin = await make_admin(shop.database)

    errors = [await refused(shop, admin, action, order, reason="r" * 1001) for action in ("reject", "cancel")]
    payload = await move(shop, admin, "reject", order, reason="ö" * 1000)

    assert [(error["code"], error["field"]) for [error] in errors] == [("BAD_INPUT", ["input", "reason"])] * 2
    assert payload["userErrors"] == []


async def test_an_order_of_services_is_cancelled_without_movements(shop: Shop):
    key = await make_order(shop.database)

    payload = await move(shop, await make_admin(shop.database), "cancel", order_id(key))

    assert payload["order"]["status"] == "CANCELLED"
    assert (await shop.counts())["stock_movements"] == 0
