"""The operations of the shared contract run as written, answer exactly, and cost the same however many rows."""

from pathlib import Path
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin, make_user
from factories.whole_shop import make_whole_shop
from graphql import parse, validate
from support.shop import CONTRACT, SCHEMA, Shop, order_id

from domain.actor import Scope

RANGE = {"from": "2026-03-01", "to": "2026-03-31"}


def folder() -> Path:
    """Where the contract is, which not every clone has beside it."""
    if not CONTRACT.exists():
        pytest.skip("../shared/contract is not beside this clone.")
    return CONTRACT


def contract(name: str) -> str:
    return (folder() / f"{name}.graphql").read_text()


@pytest.mark.check
def test_every_operation_is_valid():
    schema = SCHEMA.graphql_schema
    names = {path.stem for path in folder().glob("*.graphql")}

    invalid = {name for name in names if validate(schema, parse(contract(name)))}

    assert invalid == set()


READS = {
    "me": ({}, 1),
    "orders_page": ({"first": 50, "status": ["PENDING"]}, 1),
    "products_flat": ({"first": 100}, 1),
    "stock_levels": ({"first": 100}, 1),
    "order_stats": ({}, 1),
    "sales_report": ({**RANGE, "interval": "DAY"}, 1),
    "events": ({"first": 50}, 2),
    "top_products": ({**RANGE, "first": 50, "by": "REVENUE"}, 2),
}
"""The variables of each operation, and the statements that answer it."""


async def test_every_read_costs_the_same_statements_with_one_order_as_with_sixty(shop: Shop):
    admin = (await make_whole_shop(shop.database, 1)).admin

    small = {name: await shop.run(contract(name), admin, **variables) for name, (variables, _) in READS.items()}
    await make_whole_shop(shop.database, 59, start=1)
    large = {name: await shop.run(contract(name), admin, **variables) for name, (variables, _) in READS.items()}

    for answers in (small, large):
        assert {name: answer.errors for name, answer in answers.items()} == {name: [] for name in READS}
        counted = {name: answer.statements for name, answer in answers.items()}
        assert counted == {name: statements for name, (_, statements) in READS.items()}


async def test_order_point_costs_one_statement(shop: Shop):
    whole = await make_whole_shop(shop.database, 1)

    answer = await shop.run(contract("order_point"), whole.admin, id=order_id(whole.orders[0]))

    assert answer.data["order"] | {"id": "", "customer": None} == {
        "id": "",
        "number": "M00000",
        "status": "PENDING",
        "placedAt": "2026-03-02T12:00:00Z",
        "total": {"amount": "5.00", "currencyCode": "GBP"},
        "customer": None,
    }
    assert answer.data["order"]["customer"]["name"] == "Customer 0"
    assert answer.statements == 1


async def test_me(shop: Shop):
    buyer = await make_user(shop.database, "mallory")

    answer = await shop.run(contract("me"), buyer)

    assert answer.data["me"] | {"id": ""} == {
        "id": "",
        "username": "mallory",
        "email": "mallory@example.com",
        "isAdmin": False,
        "scopes": [],
        "lastLoginAt": None,
    }


async def test_orders_page_tells_everything_of_an_order(shop: Shop):
    whole = await make_whole_shop(shop.database, 2)

    answer = await shop.run(contract("orders_page"), whole.admin, first=1, status=["PENDING"])

    [edge] = answer.data["orders"]["edges"]
    node = edge["node"]
    assert (node["number"], node["status"], node["total"]["amount"]) == ("M00001", "PENDING", "10.00")
    assert (node["customer"]["name"], node["customer"]["email"]) == ("Customer 1", None)
    assert [(line["position"], line["quantity"], line["unitPrice"]["amount"]) for line in node["lines"]] == [
        (1, 2, "2.50"),
        (2, 2, "2.50"),
    ]
    assert [line["variant"]["sku"] for line in node["lines"]] == ["SKU000", "SKU001"]
    assert node["lines"][0]["variant"]["stockLevels"] == [
        {"onHand": 10, "reserved": 0, "available": 10, "warehouse": {"code": "LON"}},
        {"onHand": 5, "reserved": 0, "available": 5, "warehouse": {"code": "YRK"}},
    ]
    assert answer.data["orders"]["pageInfo"] == {"hasNextPage": True, "endCursor": edge["cursor"]}


async def test_products_and_stock_levels(shop: Shop):
    whole = await make_whole_shop(shop.database, 2)

    products = await shop.get(contract("products_flat"), first=1)
    levels = await shop.get(contract("stock_levels"), whole.admin, first=5, sku="SKU001")

    [product] = products["products"]["nodes"]
    assert (product["name"], product["description"]) == ("Product SKU000", None)
    assert [(each["sku"], each["price"]) for each in product["variants"]] == [
        ("SKU000", {"amount": "2.50", "currencyCode": "GBP"})
    ]
    assert levels["stockLevels"]["nodes"] == [
        {
            "variant": {"sku": "SKU001"},
            "warehouse": {"code": code},
            "onHand": units,
            "reserved": 0,
            "available": units,
            "reorderPoint": point,
        }
        for code, units, point in (("LON", 10, 0), ("YRK", 5, 20))
    ]
    assert levels["stockLevels"]["pageInfo"]["hasNextPage"] is False


async def test_order_stats(shop: Shop):
    whole = await make_whole_shop(shop.database, 3)

    data = await shop.get(contract("order_stats"), whole.admin)

    assert data["reports"]["orderStats"] == {
        "total": 6,
        "pending": 3,
        "approved": 3,
        "rejected": 0,
        "approvalRate": "1.0000",
    }


async def test_sales_report_and_top_products(shop: Shop):
    whole = await make_whole_shop(shop.database, 2)
    gbp = {"currencyCode": "GBP"}

    sales = await shop.get(contract("sales_report"), whole.admin, **RANGE, interval="MONTH")
    top = await shop.get(contract("top_products"), whole.admin, **RANGE, first=1, by="UNITS")

    figures = {
        "orders": 2,
        "units": 8,
        "gross": {"amount": "20.00", **gbp},
        "returns": {"amount": "10.00"},
        "net": {"amount": "10.00"},
    }
    assert sales["reports"]["sales"] == {"rows": [{"period": "2026-03-01", **figures}], "total": figures}
    assert top["reports"]["topProducts"] == [
        {"variant": {"sku": "SKU000", "name": "Name of SKU000"}, "units": 4, "gross": {"amount": "10.00"}}
    ]


async def test_order_place_costs_the_same_for_one_line_as_for_twenty(shop: Shop):
    buyer = await make_user(shop.database)
    for index in range(20):
        await make_variant(shop.database, f"SKU{index}", "1.25", LON=100)
    await place(shop, buyer, ("SKU0", 1))

    answers = [
        await shop.run(
            contract("order_place"),
            buyer,
            lines=[{"sku": f"SKU{index}", "quantity": 2} for index in range(lines)],
            notes="Ring twice.",
            key=str(uuid4()),
        )
        for lines in (1, 20)
    ]

    order = answers[0].data["orderPlace"]["order"]
    assert order | {"id": ""} == {
        "id": "",
        "number": "OW-000002",
        "status": "PENDING",
        "version": 1,
        "total": {"amount": "2.50", "currencyCode": "GBP"},
        "lines": [{"position": 1, "quantity": 2, "variant": {"sku": "SKU0"}}],
    }
    assert [len(answer.data["orderPlace"]["order"]["lines"]) for answer in answers] == [1, 20]
    assert [answer.statements for answer in answers] == [PLACE_STATEMENTS, PLACE_STATEMENTS]


PLACE_STATEMENTS = 4
"""Key, offer, all that is written; then the lines with their variants for the answer."""


async def test_order_approve(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=5)
    order = await place(shop, await make_user(shop.database), ("MUG", 2))

    answer = await shop.run(contract("order_approve"), admin, id=order["id"], expectedVersion=1)
    again = await shop.get(contract("order_approve"), admin, id=order["id"], expectedVersion=1)

    assert answer.data["orderApprove"] == {
        "order": {
            "id": order["id"],
            "status": "APPROVED",
            "version": 2,
            "allowedActions": [
                {"action": "APPROVE", "allowed": False, "reason": "The order is APPROVED."},
                {"action": "REJECT", "allowed": False, "reason": "The order is APPROVED."},
                {"action": "SHIP", "allowed": True, "reason": None},
                {"action": "DELIVER", "allowed": False, "reason": "The order is APPROVED."},
                {"action": "CANCEL", "allowed": True, "reason": None},
                {"action": "RETURN", "allowed": False, "reason": "The order is APPROVED."},
            ],
        },
        "userErrors": [],
    }
    assert answer.statements == 2
    assert again["orderApprove"]["order"] is None
    assert again["orderApprove"]["userErrors"] == [
        {
            "code": "VERSION_CONFLICT",
            "message": "Order OW-000001 is at version 2, not 1. Read it again.",
            "field": ["input", "expectedVersion"],
            "current": 2,
        }
    ]


STOCK_STATEMENTS = 5
"""Key, variant, warehouse, level, all that is written."""


async def test_stock_receive_and_stock_adjust(shop: Shop):
    keeper = await make_user(shop.database, "keeper", Scope.INVENTORY_WRITE)
    await make_variant(shop.database, "MUG", LON=5)
    place = {"sku": "MUG", "warehouse": "LON"}
    count = {**place, "reason": "Count."}

    received = await shop.run(contract("stock_receive"), keeper, **place, quantity=3, key=str(uuid4()))
    adjusted = await shop.run(contract("stock_adjust"), keeper, **count, delta=-2, expectedOnHand=8, key=str(uuid4()))
    refused = await shop.get(contract("stock_adjust"), keeper, **count, delta=-2, expectedOnHand=8, key=str(uuid4()))

    assert [answer.errors for answer in (received, adjusted)] == [[], []]
    assert received.data["stockReceive"] == {
        "stockLevel": {"onHand": 8, "reserved": 0, "available": 8},
        "userErrors": [],
    }
    assert adjusted.data["stockAdjust"] == {
        "stockLevel": {"onHand": 6, "reserved": 0, "available": 6},
        "userErrors": [],
    }
    assert refused["stockAdjust"] == {
        "stockLevel": None,
        "userErrors": [
            {
                "code": "ON_HAND_CONFLICT",
                "message": "6 of MUG are on hand in LON, not 8.",
                "field": ["input", "expectedOnHand"],
            }
        ],
    }
    assert [received.statements, adjusted.statements] == [STOCK_STATEMENTS, STOCK_STATEMENTS]


async def test_user_register_and_token_create(shop: Shop):
    account = {"username": "Hedwig", "password": "correct horse"}

    registered = await shop.run(contract("user_register"), **account, email="hedwig@example.com")
    signed_in = await shop.run(contract("token_create"), **account)

    user = registered.data["userRegister"]["user"]
    assert (user["username"], user["isAdmin"], registered.data["userRegister"]["userErrors"]) == ("Hedwig", False, [])
    # Savepoint, user, its end, role, the user with what follows from it, event.
    assert registered.statements == 6
    tokens = signed_in.data["tokenCreate"]
    assert tokens["user"] == {"id": user["id"], "username": "Hedwig", "isAdmin": False}
    assert (tokens["expiresIn"], tokens["userErrors"]) == (900, [])
    assert shop.process.services.issuer.actor(tokens["accessToken"]).username == "Hedwig"
    # Look-up; password, time of sign-in, the user as they are after both, refresh token, version, event.
    assert signed_in.statements == 7


async def test_order_status_changed(shop: Shop):
    admin, buyer = await make_admin(shop.database), await make_user(shop.database)
    await make_variant(shop.database, "MUG", LON=5)

    async with shop.watching(contract("order_status_changed"), admin, status=["PENDING"]) as changes:
        order = await place(shop, buyer, ("MUG", 1))
        change = await changes.next()

    told = change["orderStatusChanged"]
    assert (told["from"], told["to"]) == (None, "PENDING")
    assert told["order"] == order
    assert told["actor"] == {"username": "buyer"}
