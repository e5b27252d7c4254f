"""Global ids: everything that has one is found again by it, and only by those who may see it."""

from uuid import uuid4

import pytest
from factories.whole_shop import WholeShop, make_whole_shop
from graphql import GraphQLObjectType
from support.shop import SCHEMA, Shop

from domain.actor import Actor
from graph.node import global_id

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"

LISTS = {
    "User": "users",
    "Customer": "customers",
    "Product": "products",
    "Warehouse": "warehouses",
    "StockLevel": "stockLevels",
    "StockMovement": "stockMovements",
    "Order": "orders",
    "OrderReturn": "returns",
    "Adjustment": "adjustments",
    "Event": "events",
}


async def ids_of_all(shop: Shop, whole: WholeShop) -> dict[str, str]:
    """The id of one thing of each type."""
    fields = " ".join(f"{name}: {field}(first: 1) {{ nodes {{ id }} }}" for name, field in LISTS.items())
    data = await shop.get(f'{{ {fields} variant(sku: "SKU000") {{ id }} }}', whole.admin)
    return {name: data[name]["nodes"][0]["id"] for name in LISTS} | {"Variant": data["variant"]["id"]}


async def test_every_type_of_node_is_found_again(shop: Shop):
    ids = await ids_of_all(shop, await make_whole_shop(shop.database, 1))
    admin = Actor.system()

    found = await shop.get(NODES, admin, ids=list(ids.values()))
    alone = [
        await shop.get("query ($id: ID!) { node(id: $id) { __typename id } }", admin, id=each) for each in ids.values()
    ]

    expected = [{"__typename": name, "id": value} for name, value in ids.items()]
    assert found["nodes"] == expected
    assert [each["node"] for each in alone] == expected
    node = SCHEMA.graphql_schema.get_type("Node")
    assert set(ids) == {each.name for each in SCHEMA.graphql_schema.get_possible_types(node)}


async def test_what_is_hidden_looks_like_what_is_missing(shop: Shop):
    ids = await ids_of_all(shop, await make_whole_shop(shop.database, 1))
    missing = {name: global_id(name, uuid4()) for name in ids}

    hidden = (await shop.get(NODES, None, ids=list(ids.values())))["nodes"]
    absent = (await shop.get(NODES, Actor.system(), ids=list(missing.values())))["nodes"]

    public = {"Product", "Variant"}
    assert {name for name, node in zip(ids, hidden, strict=True) if node is not None} == public
    assert absent == [None] * len(ids)


async def test_nodes_keep_the_order_of_the_ids_and_repeat_what_is_repeated(shop: Shop):
    whole = await make_whole_shop(shop.database, 3)
    first, second, third = [global_id("Order", key) for key in whole.orders]
    gone = global_id("Order", uuid4())

    answer = await shop.run(NODES, whole.admin, ids=[third, gone, first, third, second])

    assert [node and node["id"] for node in answer.data["nodes"]] == [third, None, first, third, second]
    assert answer.statements == 1


async def test_what_is_no_id_is_refused_with_its_place(shop: Shop):
    message = "This is not an id of this shop."

    for value in ("", "x", "Order:1", "ä", "T3JkZXI6MQ", "T3JkZXI", global_id("Order", uuid4()) + "!"):
        one = await shop.run("query ($id: ID!) { node(id: $id) { id } }", id=value)
        many = await shop.run(NODES, ids=[global_id("Order", uuid4()), value])

        assert [(error["message"], error["extensions"]) for error in one.errors] == [
            (message, {"code": "BAD_INPUT", "field": ["id"]})
        ]
        assert [(error["message"], error["extensions"]) for error in many.errors] == [
            (message, {"code": "BAD_INPUT", "field": ["ids", "1"]})
        ]


async def test_an_id_of_no_type_of_ours_is_missing(shop: Shop):
    assert await shop.get(NODES, ids=[global_id("Money", uuid4())]) == {"nodes": [None]}


async def test_at_most_a_hundred_ids(shop: Shop):
    ids = [global_id("Product", uuid4()) for _ in range(101)]

    enough, many = await shop.run(NODES, ids=ids[:100]), await shop.run(NODES, ids=ids)

    assert (enough.data, enough.statements) == ({"nodes": [None] * 100}, 1)
    assert [error["extensions"] for error in many.errors] == [{"code": "BAD_INPUT", "field": ["ids"]}]


async def test_a_field_that_takes_one_type_refuses_the_id_of_another(shop: Shop):
    other = global_id("StockLevel", uuid4())

    for field in ("user", "customer", "product", "warehouse", "order"):
        answer = await shop.run(f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=other)

        [error] = answer.errors
        assert error["message"] == f"This is the id of something else; the id of type {field.capitalize()} is wanted."
        assert error["extensions"] == {"code": "BAD_INPUT", "field": ["id"]}


@pytest.mark.check
def test_whatever_has_an_id_is_a_node():
    schema = SCHEMA.graphql_schema
    objects = [each for each in schema.type_map.values() if isinstance(each, GraphQLObjectType)]

    # The result of one order of many repeats the id that was asked for, also where there is no such order.
    assert [each.name for each in objects if "id" in each.fields and not each.interfaces] == ["OrderBulkResult"]
