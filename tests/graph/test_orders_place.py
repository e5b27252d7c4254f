"""Placing an order reserves all of it or nothing, and says which line is to blame."""

from uuid import UUID, uuid4

import pytest
from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import place, try_place
from factories.people import make_admin, make_customer, make_user
from sqlalchemy import text, update
from support.log import logged
from support.shop import Shop

from db.catalog import variants
from domain.actor import Actor, Scope
from domain.catalog.model import VariantKind
from graph.node import global_id, parse_id

LEVELS = """
SELECT w.code, l.on_hand, l.reserved FROM stock_levels l JOIN warehouses w ON w.id = l.warehouse_id ORDER BY w.code
"""


async def refused(shop: Shop, buyer: Actor | None, *lines: tuple[str, int], **given: object) -> list[dict]:
    """The errors of an order that must be refused and leave nothing behind."""
    before = await shop.counts()
    payload = await try_place(shop, buyer, *lines, **given)
    assert payload["order"] is None
    assert await shop.counts() == before
    return payload["userErrors"]


async def test_the_units_are_taken_from_the_warehouses_by_priority(shop: Shop):
    mug = await make_variant(shop.database, "MUG", "2.505")
    for code, priority, units in (("AAA", 3, 10), ("BBB", 1, 4), ("CCC", 2, 3)):
        await make_warehouse(shop.database, code, priority)
        await put_stock(shop.database, mug, code, units)

    order = await place(shop, await make_user(shop.database), ("MUG", 9))

    assert order["total"] == {"amount": "22.545", "currencyCode": "GBP"}
    assert await shop.database.read(text(LEVELS)) == [("AAA", 10, 2), ("BBB", 4, 4), ("CCC", 3, 3)]
    movements = await shop.database.read(
        text(
            "SELECT w.code, quantity, on_hand_before, on_hand_after, reserved_before, reserved_after"
            " FROM stock_movements JOIN warehouses w ON w.id = warehouse_id WHERE kind = 'RESERVATION' ORDER BY code"
        )
    )
    assert movements == [("AAA", 2, 10, 10, 0, 2), ("BBB", 4, 4, 4, 0, 4), ("CCC", 3, 3, 3, 0, 3)]


async def test_lines_of_one_sku_are_kept_apart_and_reserved_together(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer = await make_user(shop.database)

    order = await place(shop, buyer, ("MUG", 2), ("MUG", 3))
    errors = await refused(shop, buyer, ("MUG", 1))

    _, key = parse_id(order["id"])
    lines = await shop.database.read(
        text("SELECT position, quantity FROM order_lines WHERE order_id = :key"), {"key": key}
    )
    assert lines == [(1, 2), (2, 3)]
    assert await shop.scalar("SELECT quantity FROM reservations WHERE order_id = :key", key=key) == 5
    assert [(error["requested"], error["available"]) for error in errors] == [(1, 0)]


async def test_a_shortage_counts_all_lines_of_the_sku_and_names_the_first(shop: Shop):
    await make_variant(shop.database, "MUG", LON=4, YRK=1)
    await make_variant(shop.database, "CUP", LON=1)
    await make_variant(shop.database, "JAR", LON=9)

    errors = await refused(shop, await make_user(shop.database), ("JAR", 1), ("CUP", 2), ("MUG", 3), ("MUG", 3))

    common = {"__typename": "InsufficientStock", "code": "INSUFFICIENT_STOCK"}
    assert errors == [
        common
        | {
            "message": "2 of CUP were asked for, 1 are available.",
            "field": ["input", "lines", "1", "quantity"],
            "sku": "CUP",
            "requested": 2,
            "available": 1,
        },
        common
        | {
            "message": "6 of MUG were asked for, 5 are available.",
            "field": ["input", "lines", "2", "quantity"],
            "sku": "MUG",
            "requested": 6,
            "available": 5,
        },
    ]


async def test_goods_without_any_stock_level_are_short(shop: Shop):
    await make_variant(shop.database, "MUG")

    [error] = await refused(shop, await make_user(shop.database), ("MUG", 1))

    assert (error["code"], error["available"]) == ("INSUFFICIENT_STOCK", 0)


async def test_a_service_needs_no_stock(shop: Shop):
    await make_variant(shop.database, "POST", "3.99", kind=VariantKind.SERVICE)

    order = await place(shop, await make_user(shop.database), ("POST", 100))

    assert order["total"]["amount"] == "399.00"
    assert (await shop.counts())["stock_movements"] == 0


async def test_what_may_be_back_ordered_is_reserved_beyond_the_stock(shop: Shop):
    mug = await make_variant(shop.database, "MUG", LON=2)
    await shop.database.execute(update(variants).where(variants.c.id == mug).values(allow_backorder=True))

    await place(shop, await make_user(shop.database), ("MUG", 5))

    assert await shop.database.read(text(LEVELS)) == [("LON", 2, 5)]


BROKEN = [
    # Lines, what else is given, the place of the mistake, and what is said of it.
    ([], {}, ["lines"], "An order has 1 to 100 lines."),
    ([("MUG", 1)] * 101, {}, ["lines"], "An order has 1 to 100 lines."),
    ([("MUG", 0)], {}, ["lines", "0", "quantity"], "A line has 1 to 100 units."),
    ([("MUG", -1)], {}, ["lines", "0", "quantity"], "A line has 1 to 100 units."),
    ([("MUG", 1), ("MUG", 101)], {}, ["lines", "1", "quantity"], "A line has 1 to 100 units."),
    ([("MUG", 1)], {"notes": "n" * 1001}, ["notes"], "Notes have at most 1000 characters."),
    ([("MUG", 1)], {"customerId": "nonsense"}, ["customerId"], "This is not an id of this shop."),
    (
        [("MUG", 1)],
        {"customerId": global_id("Order", uuid4())},
        ["customerId"],
        "This is the id of something else; the id of type Customer is wanted.",
    ),
    ([("MUG", 1)], {"country": " "}, ["country"], "A country has 1 to 60 characters."),
    ([("MUG", 1)], {"country": "c" * 61}, ["country"], "A country has 1 to 60 characters."),
]


async def test_an_order_that_breaks_a_written_rule_is_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=1000)
    admin = await make_admin(shop.database)

    errors = [await refused(shop, admin, *lines, **given) for lines, given, _, _ in BROKEN]

    assert errors == [
        [{"__typename": "PlainError", "code": "BAD_INPUT", "message": message, "field": ["input", *field]}]
        for _, _, field, message in BROKEN
    ]


async def test_everything_at_the_limit_is_accepted(shop: Shop):
    await make_variant(shop.database, "MUG", "0", LON=10_000)

    order = await place(shop, await make_user(shop.database), *[("MUG", 100)] * 100, notes="ö" * 1000)

    assert order["total"]["amount"] == "0"
    assert await shop.database.read(text(LEVELS)) == [("LON", 10_000, 10_000)]


async def test_every_line_with_an_unknown_sku_is_named_and_case_matters(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)

    errors = await refused(shop, await make_user(shop.database), ("mug", 1), ("MUG", 1), ("CUP", 1))

    assert errors == [
        {
            "__typename": "UnknownSku",
            "code": "UNKNOWN_SKU",
            "message": f"No variant has the SKU {sku}.",
            "field": ["input", "lines", line, "sku"],
        }
        for line, sku in (("0", "mug"), ("2", "CUP"))
    ]


async def test_lines_in_two_currencies_are_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    await make_variant(shop.database, "CUP", currency="EUR", LON=5)

    [error] = await refused(shop, await make_user(shop.database), ("MUG", 1), ("CUP", 1))

    assert (error["code"], error["field"]) == ("MIXED_CURRENCIES", ["input", "lines"])


async def test_nobody_orders_without_signing_in(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)

    [error] = await refused(shop, None, ("MUG", 1))

    assert error["code"] == "UNAUTHENTICATED"


async def test_the_buyer_becomes_a_customer_once(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer = await make_user(shop.database)

    for _ in range(2):
        await place(shop, buyer, ("MUG", 1))

    assert await shop.database.read(text("SELECT user_id, name, email FROM customers")) == [
        (buyer.user_id, "buyer", "buyer@example.com")
    ]


async def test_only_those_who_write_orders_place_them_for_others(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    ada = await make_customer(shop.database, "Ada")
    given = {"customerId": global_id("Customer", ada), "country": "Norway"}
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_WRITE)

    [error] = await refused(shop, await make_user(shop.database), ("MUG", 1), **given)
    order = await place(shop, clerk, ("MUG", 1), **given)

    assert (error["code"], error["message"]) == ("FORBIDDEN", "You may not place an order for another customer.")
    row = text("SELECT customer_id, placed_by, country FROM orders WHERE number = :number")
    assert await shop.database.read(row, {"number": order["number"]}) == [(ada, clerk.user_id, "Norway")]


async def test_an_order_for_a_customer_who_does_not_exist_is_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)

    [error] = await refused(
        shop, await make_admin(shop.database), ("MUG", 1), customerId=global_id("Customer", uuid4())
    )

    assert (error["code"], error["field"]) == ("NOT_FOUND", ["input", "customerId"])


async def test_a_character_that_no_text_can_hold_is_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)

    [error] = await refused(shop, await make_user(shop.database), ("MUG", 1), notes="a\0b")

    assert (error["code"], error["message"]) == ("BAD_INPUT", "A text cannot contain the character U+0000.")


@pytest.mark.parametrize("key", [None, str(UUID(int=7))])
async def test_whose_token_outlived_their_account_must_sign_in(shop: Shop, key: str | None):
    await make_variant(shop.database, "MUG", LON=5)
    customer = global_id("Customer", await make_customer(shop.database))
    gone = Actor(uuid4(), "gone", is_admin=True)

    [error] = await refused(shop, gone, ("MUG", 1), customerId=customer, idempotencyKey=key)

    assert error["code"] == "UNAUTHENTICATED"


async def test_numbers_go_on_after_the_last_of_six_digits(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer = await make_user(shop.database)
    await shop.database.execute(text("SELECT setval('order_numbers', 999998)"))

    orders = [await place(shop, buyer, ("MUG", 1)) for _ in range(3)]

    assert [order["number"] for order in orders] == ["OW-999999", "OW-1000000", "OW-1000001"]


async def test_the_placing_is_recorded_with_its_actor_and_request(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer = await make_user(shop.database)

    order = await place(shop, buyer, ("MUG", 1))

    reserved, event = await logged(shop.database, "*")
    assert (reserved.kind, reserved.aggregate_type, reserved.sequence) == ("STOCK_CHANGED", "STOCK_LEVEL", 1)
    assert reserved.payload["order_id"] == str(event.aggregate_id)
    assert (event.kind, event.aggregate_type, event.sequence) == ("ORDER_STATUS_CHANGED", "ORDER", 1)
    assert event.aggregate_id == parse_id(order["id"])[1]
    assert (event.actor_id, event.request_id) == (buyer.user_id, "test-request")
    assert event.payload == {
        "from": None,
        "to": "PENDING",
        "number": order["number"],
        "reason": None,
        "customer_id": str(await shop.scalar("SELECT id FROM customers")),
        "total": "10.00",
        "currency": "GBP",
    }
