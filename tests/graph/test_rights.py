"""Who sees what: anonymous callers, customers, holders of a single scope, admins; directly and through relations."""

from dataclasses import dataclass
from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import make_adjustment, make_return, move, place
from factories.people import make_admin, make_customer, make_user
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from sqlalchemy import insert
from support.shop import SCHEMA, Shop

from db.customers import addresses
from db.roles import user_roles
from domain.actor import Actor, Scope
from graph.node import global_id, parse_id


@dataclass(frozen=True)
class Town:
    """Two customers who ordered, a customer without a user, and those who work in the shop."""

    ada: Actor
    bob: Actor
    admin: Actor
    of_ada: dict[str, Any]
    of_bob: dict[str, Any]
    address_of_ada: str

    def viewer(self, name: str) -> Actor:
        if name in {"ada", "bob", "admin"}:
            return getattr(self, name)
        return Actor.anonymous() if name == "anonymous" else Actor(self.admin.user_id, "x", False, frozenset({name}))


@pytest.fixture
async def town(shop: Shop) -> Town:
    database = shop.database
    ada, bob, admin = (
        await make_user(database, "adalove"),
        await make_user(database, "bobby"),
        await make_admin(database),
    )
    mug = await make_variant(database, "MUG", LON=10)
    of_ada, of_bob = [await place(shop, each, ("MUG", 1)) for each in (ada, bob)]
    await move(shop, admin, "approve", of_ada["id"])
    key = parse_id(of_ada["id"])[1]
    customer = await shop.scalar("SELECT customer_id FROM orders WHERE id = :key", key=key)
    await database.execute(insert(addresses).values(customer_id=customer, country="Norway", city="Bergen"))
    await make_return(database, "C-ADA", order=key, lines=[(mug, 1, "10")])
    await make_return(database, "C-STRAY", customer=await make_customer(database, "Stray"), lines=[(mug, 1, "10")])
    await make_adjustment(database)
    return Town(ada, bob, admin, of_ada, of_bob, "Bergen")


LISTS = """
{
  me { username }
  users { totalCount nodes { username } }
  customers { totalCount nodes { name } }
  products { totalCount }
  variants { totalCount }
  warehouses { totalCount nodes { code } }
  stockLevels { totalCount nodes { onHand } }
  stockMovements { totalCount nodes { kind } }
  orders { totalCount nodes { number } }
  returns { totalCount nodes { number } }
  adjustments { totalCount nodes { number } }
}
"""

SEEN = {
    # users, customers, warehouses, stock levels, movements, orders, returns, adjustments
    "anonymous": (0, 0, 0, 0, 0, 0, 0, 0),
    "ada": (1, 1, 0, 0, 0, 1, 1, 0),
    "bob": (1, 1, 0, 0, 0, 1, 0, 0),
    Scope.ORDERS_READ: (1, 3, 0, 0, 0, 2, 2, 1),
    Scope.INVENTORY_READ: (1, 0, 1, 1, 3, 0, 0, 0),
    Scope.USERS_READ: (3, 0, 0, 0, 0, 0, 0, 0),
    Scope.REPORTS_READ: (1, 0, 0, 0, 0, 0, 0, 0),
    Scope.ORDERS_WRITE: (1, 0, 0, 0, 0, 0, 0, 0),
    Scope.ORDERS_APPROVE: (1, 0, 0, 0, 0, 0, 0, 0),
    Scope.INVENTORY_WRITE: (1, 0, 0, 0, 0, 0, 0, 0),
    Scope.USERS_WRITE: (1, 0, 0, 0, 0, 0, 0, 0),
    Scope.AUDIT_READ: (1, 0, 0, 0, 0, 0, 0, 0),
    "admin": (3, 3, 1, 1, 3, 2, 2, 1),
}


async def test_every_list_holds_what_the_viewer_may_see_and_counts_no_more(shop: Shop, town: Town):
    names = ("users", "customers", "warehouses", "stockLevels", "stockMovements", "orders", "returns", "adjustments")

    for viewer, expected in SEEN.items():
        data = await shop.get(LISTS, town.viewer(viewer))
        lists = [data[name] for name in names]
        assert tuple(each["totalCount"] for each in lists) == expected, viewer
        assert tuple(len(each["nodes"]) for each in lists) == expected, viewer
        assert (data["products"]["totalCount"], data["variants"]["totalCount"]) == (1, 1), viewer
        assert (data["me"] is None) is (viewer == "anonymous")


ORDER = """
query ($id: ID!, $number: String!) {
  order(id: $id) {
    number lines { quantity variant { sku stockLevels { onHand } } } returns { number lines { quantity } }
    customer { name user { username } addresses { city } orders { nodes { number } totalCount } }
    placedBy { username }
  }
  byNumber: order(number: $number) { number }
}
"""


async def test_the_owner_sees_their_order_with_all_that_is_theirs_and_no_stock(shop: Shop, town: Town):
    ids = {"id": town.of_ada["id"], "number": town.of_ada["number"]}

    data = await shop.get(ORDER, town.ada, **ids)

    number = town.of_ada["number"]
    assert data == {
        "order": {
            "number": number,
            "lines": [{"quantity": 1, "variant": {"sku": "MUG", "stockLevels": []}}],
            "returns": [{"number": "C-ADA", "lines": [{"quantity": 1}]}],
            "customer": {
                "name": "adalove",
                "user": {"username": "adalove"},
                "addresses": [{"city": "Bergen"}],
                "orders": {"nodes": [{"number": number}], "totalCount": 1},
            },
            "placedBy": {"username": "adalove"},
        },
        "byNumber": {"number": number},
    }


async def test_others_see_an_order_by_their_scope_alone(shop: Shop, town: Town):
    ids = {"id": town.of_ada["id"], "number": town.of_ada["number"]}
    blind = ("anonymous", "bob", Scope.INVENTORY_READ, Scope.ORDERS_WRITE, Scope.USERS_READ, Scope.REPORTS_READ)

    for viewer in blind:
        assert await shop.get(ORDER, town.viewer(viewer), **ids) == {"order": None, "byNumber": None}, viewer
    for viewer, sees_more in ((Scope.ORDERS_READ, False), ("admin", True)):
        order = (await shop.get(ORDER, town.viewer(viewer), **ids))["order"]
        assert bool(order["lines"][0]["variant"]["stockLevels"]) is sees_more
        assert (order["placedBy"] is not None, order["customer"]["user"] is not None) == (sees_more, sees_more)


async def test_what_hangs_on_stock_is_hidden_with_it(shop: Shop, town: Town):
    nested = '{ variant(sku: "MUG") { stockLevels { onHand } product { variants { stockLevels { onHand } } } } }'
    movements = "{ stockMovements { nodes { kind order { number } actor { username } } } }"

    for viewer in ("anonymous", "ada", Scope.ORDERS_READ):
        data = await shop.get(nested, town.viewer(viewer))
        assert data["variant"] == {"stockLevels": [], "product": {"variants": [{"stockLevels": []}]}}
    told = await shop.get(movements, town.viewer(Scope.INVENTORY_READ))

    # The keeper of the stock sees that units were reserved, but neither for whom nor by whom.
    assert told["stockMovements"]["nodes"] == [
        {"kind": "RESERVATION", "order": None, "actor": None},
        {"kind": "RESERVATION", "order": None, "actor": None},
        {"kind": "OPENING", "order": None, "actor": None},
    ]


async def test_whoever_placed_an_order_for_somebody_sees_the_order_but_not_the_customer(shop: Shop, town: Town):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_WRITE)
    stray = await shop.scalar("SELECT id FROM customers WHERE name = 'Stray'")
    order = await place(shop, clerk, ("MUG", 1), customerId=global_id("Customer", stray))

    data = await shop.get("query ($id: ID!) { order(id: $id) { number customer { name } } }", clerk, id=order["id"])

    assert data["order"] == {"number": order["number"], "customer": None}


async def test_a_filter_does_not_reach_beyond_what_is_visible(shop: Shop, town: Town):
    customer = await shop.scalar("SELECT id FROM customers WHERE name = 'adalove'")
    condition = {"customer": {"eq": global_id("Customer", customer)}}
    query = "query ($filter: OrderFilter) { orders(filter: $filter) { totalCount nodes { number } } }"

    assert await shop.get(query, town.bob, filter=condition) == {"orders": {"totalCount": 0, "nodes": []}}


async def test_reports_take_their_scope(shop: Shop, town: Town):
    query = "{ reports { orderStats { total } } }"

    answers = {viewer: await shop.run(query, town.viewer(viewer)) for viewer in SEEN}

    told = {viewer for viewer, answer in answers.items() if answer.data["reports"] == {"orderStats": {"total": 2}}}
    assert told == {"admin", Scope.REPORTS_READ}
    for viewer in set(answers) - told:
        code = "UNAUTHENTICATED" if viewer == "anonymous" else "FORBIDDEN"
        assert [error["extensions"] for error in answers[viewer].errors] == [{"code": code}]
        assert answers[viewer].data == {"reports": None}


async def test_reports_on_stock_take_the_right_to_see_stock_as_well(shop: Shop, town: Town):
    reader = Actor(town.admin.user_id, "x", False, frozenset({Scope.REPORTS_READ}))
    keeper = Actor(town.admin.user_id, "x", False, frozenset({Scope.REPORTS_READ, Scope.INVENTORY_READ}))
    queries = "{ reports { inventorySummary { total { onHand } } } }", "{ reports { lowStock { onHand } } }"

    refused = [await shop.run(query, reader) for query in queries]
    told = [await shop.get(query, keeper) for query in queries]

    assert [error["extensions"]["code"] for answer in refused for error in answer.errors] == ["FORBIDDEN"] * 2
    assert told == [{"reports": {"inventorySummary": {"total": {"onHand": 10}}}}, {"reports": {"lowStock": []}}]


async def test_where_the_log_ends_is_told_to_those_who_may_watch_or_read_some_of_it(shop: Shop, town: Town):
    answers = {viewer: await shop.run("{ eventCursor }", town.viewer(viewer)) for viewer in SEEN}

    told = {viewer for viewer, answer in answers.items() if not answer.errors}
    assert told == {"admin", Scope.ORDERS_READ, Scope.INVENTORY_READ, Scope.AUDIT_READ}
    for viewer in set(answers) - told:
        code = "UNAUTHENTICATED" if viewer == "anonymous" else "FORBIDDEN"
        assert [error["extensions"] for error in answers[viewer].errors] == [{"code": code}]
        assert answers[viewer].data is None


async def test_the_movements_of_an_order_are_found_by_those_who_see_the_order(shop: Shop, town: Town):
    query = "query ($id: ID!) { stockMovements(filter: {order: {eq: $id}}) { totalCount } }"
    keeper = town.viewer(Scope.INVENTORY_READ)
    clerk = Actor(town.admin.user_id, "x", False, frozenset({Scope.INVENTORY_READ, Scope.ORDERS_READ}))

    counts = [await shop.get(query, viewer, id=town.of_ada["id"]) for viewer in (keeper, clerk)]

    assert [count["stockMovements"]["totalCount"] for count in counts] == [0, 1]


PUBLIC = {"Product", "Variant", "Money", "PageInfo"}
"""The types that an anonymous caller may meet with something in them."""


def everything(schema: GraphQLSchema, graphql_type: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
    """A selection of every field of a type that needs no argument, some levels down."""
    parts = ["__typename"]
    for name, field in graphql_type.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif depth:
            parts.append(f"{name} {everything(schema, inner, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def typenames(data: Any) -> set[str]:
    if isinstance(data, list):
        return set().union(*map(typenames, data))
    if not isinstance(data, dict):
        return set()
    names = set().union(*map(typenames, data.values()))
    # An empty page tells nothing.
    is_page = data.get("__typename", "").endswith(("Connection", "Edge"))
    return names if is_page else names | {data["__typename"]} if "__typename" in data else names


def arguments_of(name: str, field: GraphQLField, ids: dict[str, str], town: Town) -> str:
    """Arguments that find something that exists."""
    known = {"id": f'"{ids.get(get_named_type(field.type).name, ids["Order"])}"', "sku": '"MUG"'}
    known["ids"] = "[" + ", ".join(f'"{each}"' for each in ids.values()) + "]"
    needed = {each for each in field.args if each in known and (name != "order" or each == "id")}
    return f"({', '.join(f'{each}: {known[each]}' for each in sorted(needed))})" if needed else ""


async def test_an_anonymous_caller_finds_nothing_but_the_catalog_in_any_field_of_the_root(shop: Shop, town: Town):
    schema = SCHEMA.graphql_schema
    tables = {"User": "users", "Customer": "customers", "Order": "orders", "Warehouse": "warehouses"}
    tables |= {"Product": "products", "Variant": "variants", "StockLevel": "stock_levels", "OrderReturn": "returns"}
    tables |= {"StockMovement": "stock_movements", "Adjustment": "adjustments"}
    ids = {
        name: global_id(name, await shop.scalar(f"SELECT id FROM {table} LIMIT 1")) for name, table in tables.items()
    }
    fields = schema.query_type.fields

    for name, field in fields.items():
        inner = get_named_type(field.type)
        depth = 5 if name != "reports" else 2
        depth = depth if inner.name in {"Product", "Variant"} else min(depth, 3)
        selection = "" if is_leaf_type(inner) else everything(schema, inner, depth)
        answer = await shop.run(f"{{ {name}{arguments_of(name, field, ids, town)} {selection} }}")
        assert typenames(answer.data) <= PUBLIC, name
        codes = [error["extensions"]["code"] for error in answer.errors]
        assert codes == (["UNAUTHENTICATED"] if name in {"reports", "eventCursor"} else []), name
    # The same walk as an admin meets every kind of thing: the walk looks where something is.
    query = f"{{ nodes(ids: [{', '.join(f'{chr(34)}{each}{chr(34)}' for each in ids.values())}]) {{ __typename }} }}"
    assert typenames(await shop.get(query, town.admin)) == set(tables)


async def test_a_user_who_was_made_admin_keeps_to_the_rights_of_their_token(shop: Shop, town: Town):
    await shop.database.execute(insert(user_roles).values(user_id=town.bob.user_id, role="admin"))

    data = await shop.get("{ orders { totalCount } me { isAdmin } }", town.bob)

    assert data == {"orders": {"totalCount": 1}, "me": {"isAdmin": True}}
