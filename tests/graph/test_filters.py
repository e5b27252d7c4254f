"""Filters: every comparison on every field, on rows made so that each comparison tells some from others."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from factories.goods import make_variant, put_stock
from factories.orders import make_order, make_return, place
from factories.people import make_admin, make_customer, make_user
from graphql import GraphQLInputObjectType
from sqlalchemy import text, update
from support.shop import SCHEMA, Shop, order_id

from db.customers import customers
from domain.actor import Actor
from domain.catalog.model import VariantKind
from domain.orders.model import OrderStatus
from graph.node import global_id

WHEN = [f"2026-03-0{day}T00:00:00Z" for day in (1, 2, 3)]

TEXT = [
    ({"eq": "B%b"}, ["B%b"]),
    ({"eq": "b%b"}, []),
    ({"in": ["A_a", "C\\c", "none"]}, ["A_a", "C\\c"]),
    ({"in": []}, []),
    ({"startsWith": "B%"}, ["B%b"]),
    ({"startsWith": "a"}, []),
    ({"startsWith": "_"}, []),
    ({"startsWith": "C\\"}, ["C\\c"]),
    ({"startsWith": ""}, ["A_a", "B%b", "C\\c"]),
    ({"contains": "%"}, ["B%b"]),
    ({"contains": "_A"}, ["A_a"]),
    ({"contains": "\\C"}, ["C\\c"]),
    ({"startsWith": "B", "contains": "c"}, []),
    ({"eq": None, "in": None, "startsWith": None, "contains": None}, ["A_a", "B%b", "C\\c"]),
    (None, ["A_a", "B%b", "C\\c"]),
]
"""Conditions on a text, and which of A_a, B%b and C\\c they leave."""

TIME = [
    ({"gt": WHEN[0]}, WHEN[1:]),
    ({"gte": WHEN[1]}, WHEN[1:]),
    ({"lt": WHEN[1]}, WHEN[:1]),
    ({"lte": WHEN[1]}, WHEN[:2]),
    ({"gt": WHEN[0], "lt": WHEN[2]}, WHEN[1:2]),
    ({"gte": "2026-03-02T01:00:00+01:00", "lte": "2026-03-02T01:00:00+01:00"}, WHEN[1:2]),
    ({"gt": None, "gte": None, "lt": None, "lte": None}, WHEN),
]

NUMBER = [
    ({"eq": 2}, [2]),
    ({"gt": 1}, [2, 3]),
    ({"gte": 2}, [2, 3]),
    ({"lt": 2}, [1]),
    ({"lte": 2}, [1, 2]),
    ({"gt": 1, "lt": 3}, [2]),
    ({"eq": None, "gt": None, "gte": None, "lt": None, "lte": None}, [1, 2, 3]),
]


async def found(shop: Shop, viewer: Actor, field: str, selection: str, condition: dict[str, Any]) -> list[Any]:
    """The selected values of the nodes that pass a filter, sorted."""
    kind = {"returns": "OrderReturn", "stockLevels": "StockLevel", "stockMovements": "StockMovement"}
    kind = kind.get(field, field.removesuffix("s").capitalize())
    query = f"query ($filter: {kind}Filter) {{ {field}(filter: $filter) {{ totalCount nodes {{ {selection} }} }} }}"
    page = (await shop.get(query, viewer, filter=condition))[field]
    assert page["totalCount"] == len(page["nodes"])
    return sorted(_leaf(node) for node in page["nodes"])


def _leaf(node: Any) -> Any:
    while isinstance(node, dict):
        [node] = node.values()
    return node


async def _three_of_everything(shop: Shop) -> Actor:
    """Things named A_a, B%b and C\\c, of three moments, with the numbers 1, 2 and 3."""
    database = shop.database
    admin = await make_admin(database, "zzzz")
    for index, (name, moment) in enumerate(zip(("A_a", "B%b", "C\\c"), WHEN, strict=True), start=1):
        customer = await make_customer(database, name, reference=name)
        await database.execute(update(customers).where(customers.c.id == customer).values(email=name))
        variant = await make_variant(database, name, price=str(index))
        await put_stock(database, variant, name, index)
        order = await make_order(database, name, customer=customer, country=name, total=str(index))
        await make_return(database, name, order=order, customer=customer, country=name)
        at = {"name": name, "at": moment}
        for statement in (
            "UPDATE orders SET placed_at = CAST(:at AS text)::timestamptz WHERE number = :name",
            "UPDATE returns SET returned_at = CAST(:at AS text)::timestamptz WHERE number = :name",
            "UPDATE customers SET created_at = CAST(:at AS text)::timestamptz WHERE name = :name",
            (
                "UPDATE products SET created_at = CAST(:at AS text)::timestamptz, name = :name"
                " WHERE name = 'Product ' || :name"
            ),
            "UPDATE variants SET name = :name WHERE sku = :name AND CAST(:at AS text) <> ''",
            (
                "UPDATE stock_movements SET occurred_at = CAST(:at AS text)::timestamptz, reference = :name"
                " WHERE variant_id = (SELECT id FROM variants WHERE sku = :name)"
            ),
        ):
            await database.execute(text(statement), at)
    return admin


async def test_conditions_on_texts(shop: Shop):
    admin = await _three_of_everything(shop)
    fields = [
        ("orders", "number", "number"),
        ("orders", "country", "country"),
        ("returns", "number", "number"),
        ("returns", "country", "country"),
        ("customers", "name", "name"),
        ("customers", "reference", "reference"),
        ("customers", "email", "email"),
        ("products", "name", "name"),
        ("variants", "sku", "sku"),
        ("variants", "name", "name"),
        ("stockLevels", "sku", "variant { sku }"),
        ("stockLevels", "warehouse", "warehouse { code }"),
        ("stockMovements", "sku", "variant { sku }"),
        ("stockMovements", "warehouse", "warehouse { code }"),
        ("stockMovements", "reference", "reference"),
    ]

    for field, name, selection in fields:
        for condition, expected in TEXT:
            assert await found(shop, admin, field, selection, {name: condition}) == expected, (field, name, condition)


async def test_conditions_on_moments(shop: Shop):
    admin = await _three_of_everything(shop)
    fields = [
        ("orders", "placedAt"),
        ("returns", "returnedAt"),
        ("customers", "createdAt"),
        ("products", "createdAt"),
        ("stockMovements", "occurredAt"),
    ]

    for field, name in fields:
        for condition, expected in TIME:
            assert await found(shop, admin, field, name, {name: condition}) == expected, (field, condition)


async def test_conditions_on_numbers(shop: Shop):
    admin = await _three_of_everything(shop)
    await shop.database.execute(text("UPDATE stock_levels SET reserved = on_hand"))

    for condition, expected in NUMBER:
        amounts = condition and {name: value if value is None else str(value) for name, value in condition.items()}
        decimals = [str(number) for number in expected]
        assert await found(shop, admin, "stockLevels", "onHand", {"onHand": condition}) == expected, condition
        assert await found(shop, admin, "stockLevels", "reserved", {"reserved": condition}) == expected, condition
        assert await found(shop, admin, "orders", "total { amount }", {"total": amounts}) == decimals, condition
        assert await found(shop, admin, "variants", "price { amount }", {"price": amounts}) == decimals, condition


async def test_conditions_on_users(shop: Shop):
    admin = await make_admin(shop.database, "boss")
    await make_user(shop.database, "clerk")

    async def names(**condition: Any) -> list[str]:
        return await found(shop, admin, "users", "username", condition)

    assert await names(username={"startsWith": "b"}) == ["boss"]
    assert await names(isAdmin={"eq": False}) == ["clerk"]
    assert await names(isAdmin={"eq": True}) == ["boss"]
    assert await names(isAdmin={"eq": None}) == ["boss", "clerk"]
    assert await names(role={"eq": "customer"}) == ["clerk"]
    assert await names(role={"in": ["admin", "customer"], "contains": "MIN"}) == ["boss"]
    assert await names(role={"eq": "manager"}) == []
    assert await names(createdAt={"lt": "2026-01-01T00:00:00Z"}) == []


async def test_conditions_on_closed_sets(shop: Shop):
    admin = await make_admin(shop.database)
    for status in OrderStatus:
        await make_order(shop.database, status, status=status)
    await make_variant(shop.database, "POST", kind=VariantKind.SERVICE)
    await make_variant(shop.database, "MUG", LON=1)

    async def statuses(condition: Any) -> list[str]:
        return await found(shop, admin, "orders", "status", {"status": condition})

    assert await statuses({"eq": "SHIPPED"}) == ["SHIPPED"]
    assert await statuses({"in": ["SHIPPED", "PENDING"]}) == ["PENDING", "SHIPPED"]
    assert await statuses({"eq": "SHIPPED", "in": ["PENDING"]}) == []
    assert await statuses({"eq": None, "in": None}) == sorted(OrderStatus)
    assert await found(shop, admin, "variants", "sku", {"kind": {"eq": "SERVICE"}}) == ["POST"]
    assert await found(shop, admin, "stockMovements", "kind", {"kind": {"in": ["OPENING"]}}) == ["OPENING"]
    assert await found(shop, admin, "stockMovements", "kind", {"kind": {"eq": "RECEIPT"}}) == []


async def test_conditions_on_ids(shop: Shop):
    admin = await make_admin(shop.database)
    ada, bob = [await make_customer(shop.database, name) for name in ("Ada", "Bob")]
    for number, customer in (("A", ada), ("B", bob), ("N", None)):
        order = await make_order(shop.database, number, customer=customer)
        await make_return(shop.database, number, order=order, customer=customer)
    ids = [global_id("Customer", key) for key in (ada, bob)]

    for field in ("orders", "returns"):
        assert await found(shop, admin, field, "number", {"customer": {"eq": ids[0]}}) == ["A"]
        assert await found(shop, admin, field, "number", {"customer": {"in": ids}}) == ["A", "B"]
        assert await found(shop, admin, field, "number", {"customer": {"in": []}}) == []
        assert await found(shop, admin, field, "number", {"customer": {"eq": None, "in": None}}) == ["A", "B", "N"]


async def test_the_movements_of_one_order(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=5)
    first, second = [await place(shop, admin, ("MUG", units)) for units in (1, 2)]

    for condition, expected in (({"eq": first["id"]}, [1]), ({"in": [first["id"], second["id"]]}, [1, 2])):
        assert await found(shop, admin, "stockMovements", "quantity", {"order": condition}) == expected
    for actor, expected in ((admin.user_id, [1, 2]), (uuid4(), [])):
        condition = {"actor": {"eq": global_id("User", actor)}}
        assert await found(shop, admin, "stockMovements", "quantity", condition) == expected


async def test_several_fields_must_all_hold(shop: Shop):
    admin = await _three_of_everything(shop)
    condition = {"number": {"in": ["A_a", "B%b"]}, "total": {"gt": "1"}, "status": None}

    assert await found(shop, admin, "orders", "number", condition) == ["B%b"]


BAD = [
    ({"customer": {"eq": ""}}, ["filter", "customer", "eq"], "This is not an id of this shop."),
    ({"customer": {"in": ["x"]}}, ["filter", "customer", "in"], "This is not an id of this shop."),
    (
        {"customer": {"eq": order_id(UUID(int=1))}},
        ["filter", "customer", "eq"],
        "This is the id of something else; the id of type Customer is wanted.",
    ),
    ({"number": {"in": ["x"] * 201}}, ["filter", "number", "in"], "A list has at most 200 values."),
    ({"status": {"in": ["PENDING"] * 201}}, ["filter", "status", "in"], "A list has at most 200 values."),
]


async def test_a_condition_that_makes_no_sense_is_refused_with_its_place(shop: Shop):
    query = "query ($filter: OrderFilter) { orders(filter: $filter) { nodes { id } } }"

    answers = [await shop.run(query, Actor.system(), filter=condition) for condition, _, _ in BAD]

    assert [(error["message"], error["extensions"]) for answer in answers for error in answer.errors] == [
        (message, {"code": "BAD_INPUT", "field": field}) for _, field, message in BAD
    ]


async def test_two_hundred_values_are_enough_and_an_impossible_character_is_refused(shop: Shop):
    query = "query ($filter: OrderFilter) { orders(filter: $filter) { nodes { id } } }"

    enough = await shop.run(query, Actor.system(), filter={"number": {"in": ["x"] * 200}})
    impossible = await shop.run(query, Actor.system(), filter={"number": {"eq": "a\0"}})

    assert (enough.errors, enough.data) == ([], {"orders": {"nodes": []}})
    assert [error["extensions"]["code"] for error in impossible.errors] == ["BAD_INPUT"]


@pytest.mark.check
def test_every_filter_is_tested_here():
    filters = {
        f"{name}.{field}"
        for name, each in SCHEMA.graphql_schema.type_map.items()
        if isinstance(each, GraphQLInputObjectType) and name.endswith("Filter")
        for field, type_ in each.fields.items()
        if str(type_.type).endswith("Filter")
    }

    assert filters == {
        *(f"CustomerFilter.{name}" for name in ("name", "reference", "email", "createdAt")),
        *(f"OrderFilter.{name}" for name in ("status", "number", "placedAt", "total", "customer", "country")),
        *(f"OrderReturnFilter.{name}" for name in ("number", "returnedAt", "customer", "country")),
        *(f"ProductFilter.{name}" for name in ("name", "createdAt")),
        *(f"VariantFilter.{name}" for name in ("sku", "name", "kind", "price")),
        *(f"StockLevelFilter.{name}" for name in ("sku", "warehouse", "onHand", "reserved")),
        *(f"StockMovementFilter.{name}" for name in ("kind", "sku", "warehouse", "order", "actor")),
        *(f"StockMovementFilter.{name}" for name in ("reference", "occurredAt")),
        *(f"UserFilter.{name}" for name in ("username", "isAdmin", "role", "createdAt")),
        # Tested with the log.
        *(f"EventFilter.{name}" for name in ("kind", "aggregateType", "aggregate", "actor", "occurredAt")),
        # Tested with the subscription.
        *(f"OrderStatusChangeFilter.{name}" for name in ("from", "to", "order", "customer", "total", "currency")),
        *(f"StockChangeFilter.{name}" for name in ("sku", "warehouse", "kind")),
        *(f"StockLowFilter.{name}" for name in ("sku", "warehouse")),
    }
