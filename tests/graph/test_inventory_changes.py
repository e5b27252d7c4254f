"""Receiving, adjusting, transferring and reorder points: what each does, and what it leaves behind."""

from typing import Any

import pytest
from factories.goods import make_variant, put_stock
from factories.orders import place
from factories.people import make_user
from factories.stock import change_stock, contradictions, levels
from sqlalchemy import text
from support.log import settle
from support.shop import Shop

from domain.actor import Actor, Scope

MOVEMENTS = """
SELECT code, kind, quantity, on_hand_before, on_hand_after, reserved_before, reserved_after, reason, reference, actor_id
FROM stock_movements JOIN warehouses w ON w.id = warehouse_id WHERE kind NOT IN ('OPENING', 'RESERVATION')
ORDER BY occurred_at, code
"""
EVENTS = "SELECT kind, sequence, payload FROM events WHERE aggregate_type = 'STOCK_LEVEL' ORDER BY position"


@pytest.fixture
async def keeper(shop: Shop) -> Actor:
    return await make_user(shop.database, "keeper", Scope.INVENTORY_WRITE)


def level(on_hand: int, reserved: int = 0, reorder_point: int = 0) -> dict[str, int]:
    available = on_hand - reserved
    return {"onHand": on_hand, "reserved": reserved, "available": available, "reorderPoint": reorder_point}


async def rows(shop: Shop, query: str) -> list[tuple[Any, ...]]:
    await settle(shop.database)
    return [tuple(row) for row in await shop.database.read(text(query))]


async def test_received_goods_are_on_hand(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=2)

    note = {"reason": "Ordered in May.", "reference": "DN-7"}
    payload = await change_stock(shop, keeper, "Receive", sku="MUG", warehouse="LON", quantity=5, **note)

    assert payload == {"stockLevel": level(7), "userErrors": []}
    assert await levels(shop) == [("MUG", "LON", 7, 0)]
    assert await rows(shop, MOVEMENTS) == [
        ("LON", "RECEIPT", 5, 2, 7, 0, 0, "Ordered in May.", "DN-7", keeper.user_id),
    ]
    [(kind, sequence, payload)] = await rows(shop, EVENTS)
    assert (kind, sequence, payload["kind"], payload["order_id"]) == ("STOCK_CHANGED", 1, "RECEIPT", None)
    assert (payload["sku"], payload["warehouse"], payload["quantity"]) == ("MUG", "LON", 5)
    assert (payload["reason"], payload["reference"]) == ("Ordered in May.", "DN-7")


async def test_receiving_makes_the_level_where_the_variant_never_lay(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=2)
    mug = await make_variant(shop.database, "CUP", YRK=1)
    await shop.database.execute(text("UPDATE variants SET allow_backorder = true WHERE id = :id"), {"id": mug})

    payload = await change_stock(shop, keeper, "Receive", sku="CUP", warehouse="LON", quantity=3)

    assert payload == {"stockLevel": level(3), "userErrors": []}
    assert await levels(shop) == [("CUP", "LON", 3, 0), ("CUP", "YRK", 1, 0), ("MUG", "LON", 2, 0)]
    assert await shop.scalar("SELECT bool_and(allow_backorder) FROM stock_levels WHERE variant_id = :id", id=mug)
    assert await contradictions(shop) == []


async def test_a_count_brings_the_level_to_what_is_there(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=8)
    count = {"sku": "MUG", "warehouse": "LON", "reason": "Count of November."}

    fewer = await change_stock(shop, keeper, "Adjust", delta=-3, expectedOnHand=8, **count)
    more = await change_stock(shop, keeper, "Adjust", delta=1, **count)

    assert fewer == {"stockLevel": level(5), "userErrors": []}
    assert more == {"stockLevel": level(6), "userErrors": []}
    told = ("Count of November.", None, keeper.user_id)
    assert await rows(shop, MOVEMENTS) == [
        ("LON", "ADJUSTMENT", -3, 8, 5, 0, 0, *told),
        ("LON", "ADJUSTMENT", 1, 5, 6, 0, 0, *told),
    ]
    assert await contradictions(shop) == []


async def test_a_level_that_changed_since_it_was_counted_is_not_adjusted(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=8)
    before = await shop.counts()

    payload = await change_stock(
        shop, keeper, "Adjust", sku="MUG", warehouse="LON", delta=-1, reason="Broken.", expectedOnHand=9
    )

    assert payload["stockLevel"] is None
    assert payload["userErrors"] == [
        {
            "__typename": "OnHandConflict",
            "code": "ON_HAND_CONFLICT",
            "message": "8 of MUG are on hand in LON, not 9.",
            "field": ["input", "expectedOnHand"],
            "current": 8,
        }
    ]
    assert await shop.counts() == before


def insufficient(sku: str, requested: int, available: int, field: str) -> list[dict[str, Any]]:
    return [
        {
            "__typename": "InsufficientStock",
            "code": "INSUFFICIENT_STOCK",
            "message": f"{requested} of {sku} were to leave LON, {available} are available.",
            "field": ["input", field],
            "sku": sku,
            "requested": requested,
            "available": available,
        }
    ]


async def test_what_is_reserved_cannot_be_adjusted_away_nor_transferred(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=8, YRK=0)
    await place(shop, keeper, ("MUG", 5))
    mug = {"sku": "MUG"}

    adjusted = await change_stock(shop, keeper, "Adjust", **mug, warehouse="LON", delta=-4, reason="Lost.")
    moved = await change_stock(shop, keeper, "Transfer", **mug, **{"from": "LON", "to": "YRK"}, quantity=4)
    allowed = await change_stock(shop, keeper, "Adjust", **mug, warehouse="LON", delta=-3, reason="Lost.")

    assert adjusted["userErrors"] == insufficient("MUG", 4, 3, "delta")
    assert moved == {"from": None, "to": None, "userErrors": insufficient("MUG", 4, 3, "quantity")}
    assert allowed["stockLevel"] == level(5, 5)
    assert await levels(shop) == [("MUG", "LON", 5, 5), ("MUG", "YRK", 0, 0)]


async def test_where_units_are_promised_ahead_a_count_may_go_below_what_is_reserved_but_not_below_zero(
    shop: Shop, keeper: Actor
):
    mug = await make_variant(shop.database, "MUG", LON=4)
    await shop.database.execute(text("UPDATE variants SET allow_backorder = true WHERE id = :id"), {"id": mug})
    await place(shop, keeper, ("MUG", 5))
    count = {"sku": "MUG", "warehouse": "LON", "reason": "Count."}

    allowed = await change_stock(shop, keeper, "Adjust", delta=-2, **count)
    refused = await change_stock(shop, keeper, "Adjust", delta=-3, **count)
    received = await change_stock(shop, keeper, "Receive", sku="MUG", warehouse="LON", quantity=1)

    assert allowed["stockLevel"] == level(2, 5)
    assert refused["userErrors"] == insufficient("MUG", 3, 2, "delta")
    assert received["stockLevel"] == level(3, 5)


async def test_a_transfer_is_one_movement_in_each_warehouse(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=8)
    await make_variant(shop.database, "CUP", YRK=1)

    move = {"sku": "MUG", "from": "LON", "to": "YRK", "quantity": 3, "reason": "York sells out."}
    payload = await change_stock(shop, keeper, "Transfer", **move)

    assert payload == {"from": level(5), "to": level(3), "userErrors": []}
    told = (0, 0, "York sells out.", None, keeper.user_id)
    assert await rows(shop, MOVEMENTS) == [
        ("LON", "TRANSFER", -3, 8, 5, *told),
        ("YRK", "TRANSFER", 3, 0, 3, *told),
    ]
    told = sorted((payload["warehouse"], payload["quantity"]) for _, _, payload in await rows(shop, EVENTS))
    assert told == [("LON", -3), ("YRK", 3)]
    assert await contradictions(shop) == []


async def test_a_reorder_point_is_told_and_so_is_a_level_that_thereby_becomes_low(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=8)
    mug = {"sku": "MUG", "warehouse": "LON"}

    high = await change_stock(shop, keeper, "ReorderPointSet", **mug, reorderPoint=8)
    await change_stock(shop, keeper, "ReorderPointSet", **mug, reorderPoint=8)
    await change_stock(shop, keeper, "Adjust", **mug, delta=1, reason="Found.")
    await change_stock(shop, keeper, "Adjust", **mug, delta=-1, reason="Lost.")
    never = await change_stock(shop, keeper, "ReorderPointSet", **mug, reorderPoint=0)

    assert (high, never) == (
        {"stockLevel": level(8, 0, 8), "userErrors": []},
        {"stockLevel": level(8), "userErrors": []},
    )
    events = await rows(shop, EVENTS)
    assert [(kind, sequence) for kind, sequence, _ in events] == [
        ("REORDER_POINT_CHANGED", 1),
        ("STOCK_LOW", 2),
        ("STOCK_CHANGED", 3),
        ("STOCK_CHANGED", 4),
        ("STOCK_LOW", 5),
        ("REORDER_POINT_CHANGED", 6),
    ]
    assert [(payload["before"], payload["after"]) for _, _, payload in (events[0], events[5])] == [(0, 8), (8, 0)]
    assert [(payload["available"], payload["reorder_point"]) for _, _, payload in (events[1], events[4])] == [
        (8, 8)
    ] * 2
    assert await contradictions(shop) == []


async def test_the_report_of_low_stock_agrees_with_the_reorder_points(shop: Shop):
    admin = await make_user(shop.database, "boss", is_admin=True)
    mug = await make_variant(shop.database, "MUG")
    await put_stock(shop.database, mug, "LON", 5, reorder_point=4)
    query = "{ reports { lowStock(first: 10) { available reorderPoint } } }"

    above = await shop.get(query, admin)
    await change_stock(shop, admin, "Adjust", sku="MUG", warehouse="LON", delta=-1, reason="Broken.")
    at = await shop.get(query, admin)

    assert above["reports"]["lowStock"] == []
    assert at["reports"]["lowStock"] == [{"available": 4, "reorderPoint": 4}]
    assert [kind for kind, _, _ in await rows(shop, EVENTS)] == ["STOCK_CHANGED", "STOCK_LOW"]


DRY = [
    ("Receive", {"sku": "MUG", "warehouse": "LON", "quantity": 5}, {"stockLevel": level(13)}),
    ("Receive", {"sku": "MUG", "warehouse": "NEW", "quantity": 5}, {"stockLevel": level(5)}),
    ("Adjust", {"sku": "MUG", "warehouse": "LON", "delta": -8, "reason": "Fire."}, {"stockLevel": level(0)}),
    ("Transfer", {"sku": "MUG", "from": "LON", "to": "NEW", "quantity": 2}, {"from": level(6), "to": level(2)}),
]


@pytest.mark.parametrize(("act", "given", "expected"), DRY)
async def test_a_dry_run_tells_what_would_be_and_changes_nothing(
    shop: Shop, keeper: Actor, act: str, given: dict[str, Any], expected: dict[str, Any]
):
    await make_variant(shop.database, "MUG", LON=8)
    await make_variant(shop.database, "CUP", NEW=1)
    key = {"idempotencyKey": "00000000-0000-4000-8000-000000000001"}
    before = await shop.counts(), await rows(shop, "SELECT * FROM stock_levels ORDER BY id")

    dry = await change_stock(shop, keeper, act, **given, **key, dryRun=True)
    after = await shop.counts(), await rows(shop, "SELECT * FROM stock_levels ORDER BY id")
    done = await change_stock(shop, keeper, act, **given, **key)

    assert dry == {**expected, "userErrors": []}
    assert after == before
    assert done == dry


async def test_a_dry_run_is_refused_as_the_act_would_be(shop: Shop, keeper: Actor):
    await make_variant(shop.database, "MUG", LON=8)
    given = {"sku": "MUG", "warehouse": "LON", "delta": -9, "reason": "Fire."}

    dry = await change_stock(shop, keeper, "Adjust", **given, dryRun=True)

    assert dry["userErrors"] == insufficient("MUG", 9, 8, "delta")


async def test_movements_are_found_by_who_made_them_by_those_who_see_the_user(shop: Shop, keeper: Actor):
    admin = await make_user(shop.database, "boss", is_admin=True)
    reader = Actor(admin.user_id, "x", False, frozenset({Scope.INVENTORY_READ}))
    await make_variant(shop.database, "MUG", LON=8)
    await change_stock(shop, keeper, "Receive", sku="MUG", warehouse="LON", quantity=1)
    users = await shop.get('{ users(filter: {username: {eq: "keeper"}}) { nodes { id } } }', admin)
    query = "query ($id: ID!) { stockMovements(filter: {actor: {eq: $id}}) { nodes { kind quantity } } }"

    told = [await shop.get(query, each, id=users["users"]["nodes"][0]["id"]) for each in (admin, reader)]

    assert [each["stockMovements"]["nodes"] for each in told] == [[{"kind": "RECEIPT", "quantity": 1}], []]
