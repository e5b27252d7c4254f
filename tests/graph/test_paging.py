"""Keyset pages: each item exactly once, forwards and backwards, whatever comes and goes meanwhile."""

import base64
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
from factories.orders import make_order, make_orders
from factories.people import make_admin, make_customer
from factories.whole_shop import make_whole_shop
from sqlalchemy import delete
from support.shop import SCHEMA, Shop

from db.base import any_of
from db.orders import orders
from domain.actor import Actor

PAGE = """
query ($first: Int, $after: String, $last: Int, $before: String%(variable)s) {
  %(field)s(first: $first, after: $after, last: $last, before: $before%(argument)s) {
    edges { cursor node { id } }
    nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

LISTS: dict[str, list[str]] = {
    "users": ["CREATED_AT", "USERNAME"],
    "customers": ["CREATED_AT", "NAME"],
    "products": ["NAME", "CREATED_AT"],
    "variants": ["SKU", "CREATED_AT"],
    "warehouses": [],
    "stockLevels": [],
    "stockMovements": ["OCCURRED_AT"],
    "orders": ["PLACED_AT", "NUMBER", "TOTAL"],
    "returns": [],
    "adjustments": [],
    "events": [],
}
"""Every list, with what it can be ordered by."""

ORDERED = [
    (field, {"field": by, "direction": direction})
    for field, sorts in LISTS.items()
    for by in sorts
    for direction in ("ASC", "DESC")
] + [(field, None) for field in LISTS]

ORDERS = (
    "query ($first: Int, $after: String, $last: Int, $before: String, $by: OrderOrder) {"
    " orders(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {"
    " edges { cursor node { number } } pageInfo { hasNextPage hasPreviousPage } totalCount } }"
)


def page_query(field: str, order_by: dict[str, str] | None) -> str:
    kind = {"stockMovements": "StockMovement"}.get(field, field.removesuffix("s").capitalize())
    by = f", $by: {kind}Order" if order_by else ""
    return PAGE % {"field": field, "variable": by, "argument": ", orderBy: $by" if order_by else ""}


async def walk(shop: Shop, viewer: Actor, field: str, order_by: Any, *, backwards: bool) -> AsyncGenerator[list[str]]:
    """The ids of each page of three, in the order of the list, from one end to the other."""
    query, cursor = page_query(field, order_by), None
    size, place = ("last", "before") if backwards else ("first", "after")
    while True:
        variables = {size: 3, place: cursor} | ({"by": order_by} if order_by else {})
        page = (await shop.get(query, viewer, **variables))[field]
        ids = [edge["node"]["id"] for edge in page["edges"]]
        info = page["pageInfo"]
        assert [node["id"] for node in page["nodes"]] == ids
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]
        assert info["hasPreviousPage" if not backwards else "hasNextPage"] is (cursor is not None)
        yield ids
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            return
        cursor = info["startCursor" if backwards else "endCursor"]


async def test_every_list_in_every_order_gives_each_item_once_both_ways(shop: Shop):
    whole = await make_whole_shop(shop.database, 7)

    for field, order_by in ORDERED:
        forwards = [page async for page in walk(shop, whole.admin, field, order_by, backwards=False)]
        backwards = [page async for page in walk(shop, whole.admin, field, order_by, backwards=True)]

        found = [item for page in forwards for item in page]
        assert found == [item for page in reversed(backwards) for item in page], (field, order_by)
        everything = (await shop.get(page_query(field, order_by), whole.admin, first=100, by=order_by))[field]
        assert found == [node["id"] for node in everything["nodes"]], (field, order_by)
        assert len(set(found)) == len(found), (field, order_by)
        assert all(len(page) == 3 for page in forwards[:-1]), (field, order_by)


async def test_descending_is_ascending_reversed_ties_included(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    for number, total in (("B", "2"), ("a", "10"), ("A", "2"), ("C", "2.00")):
        await make_order(shop.database, number, customer=ada, total=total)

    async def numbers(by: str, direction: str) -> str:
        page = await shop.get(ORDERS, admin, by={"field": by, "direction": direction})
        return "".join(edge["node"]["number"] for edge in page["orders"]["edges"])

    for by, expected in (("PLACED_AT", "BaAC"), ("NUMBER", "ABCa"), ("TOTAL", "BACa")):
        assert await numbers(by, "ASC") == expected
        assert await numbers(by, "DESC") == expected[::-1]


async def test_pages_stay_in_place_while_rows_come_and_go(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    keys = await make_orders(shop.database, 6, [ada])
    by = {"field": "TOTAL", "direction": "ASC"}

    first = (await shop.get(ORDERS, admin, first=3, by=by))["orders"]["edges"]
    await make_order(shop.database, "EARLIER", customer=ada, total="-1")
    await shop.database.execute(delete(orders).where(any_of(orders.c.id, [keys[0], keys[2], keys[4]])))
    rest = (await shop.get(ORDERS, admin, first=3, by=by, after=first[-1]["cursor"]))["orders"]
    before = (await shop.get(ORDERS, admin, last=3, by=by, before=first[-1]["cursor"]))["orders"]

    assert [edge["node"]["number"] for edge in first] == ["M00000", "M00001", "M00002"]
    assert [edge["node"]["number"] for edge in rest["edges"]] == ["M00003", "M00005"]
    assert [edge["node"]["number"] for edge in before["edges"]] == ["EARLIER", "M00001"]
    assert rest["totalCount"] == 4


async def test_the_window_between_two_cursors(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    await make_orders(shop.database, 9, [ada])
    by = {"field": "NUMBER"}
    edges = (await shop.get(ORDERS, admin, first=9, by=by))["orders"]["edges"]
    window = {"after": edges[1]["cursor"], "before": edges[7]["cursor"], "by": by}

    first = (await shop.get(ORDERS, admin, first=2, **window))["orders"]
    last = (await shop.get(ORDERS, admin, last=2, **window))["orders"]
    whole = (await shop.get(ORDERS, admin, first=100, **window))["orders"]

    assert [edge["node"]["number"] for edge in first["edges"]] == ["M00002", "M00003"]
    assert [edge["node"]["number"] for edge in last["edges"]] == ["M00005", "M00006"]
    assert len(whole["edges"]) == 5
    assert first["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": True}
    assert last["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": True}


async def test_twenty_items_by_default_newest_first(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    await make_orders(shop.database, 25, [ada])

    page = (await shop.get(ORDERS, admin))["orders"]

    assert [edge["node"]["number"] for edge in page["edges"]] == [f"M{24 - index:05}" for index in range(20)]
    assert page["totalCount"] == 25


async def test_an_empty_list_has_no_cursors(shop: Shop):
    page = await shop.get(page_query("orders", None), await make_admin(shop.database), last=3)

    assert page["orders"] == {
        "edges": [],
        "nodes": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


async def test_total_count_costs_one_statement_and_only_where_it_is_selected(shop: Shop):
    whole = await make_whole_shop(shop.database, 2)

    for field in LISTS:
        without = await shop.run(f"{{ {field} {{ nodes {{ id }} }} }}", whole.admin)
        counted = await shop.run(f"{{ {field} {{ totalCount nodes {{ id }} }} }}", whole.admin)

        assert (without.statements, counted.statements) == (1, 2), field
        assert counted.data[field]["totalCount"] == len(counted.data[field]["nodes"]) > 1, field


SIZES = [
    ({"first": 0}, "first", "`first` is from 1 to 100."),
    ({"first": 101}, "first", "`first` is from 1 to 100."),
    ({"first": -1}, "first", "`first` is from 1 to 100."),
    ({"last": 0}, "last", "`last` is from 1 to 100."),
    ({"last": 101}, "last", "`last` is from 1 to 100."),
    ({"first": 1, "last": 1}, "last", "Give `first` or `last`, not both."),
]


async def test_a_wrong_size_is_refused(shop: Shop):
    admin = await make_admin(shop.database)

    answers = [await shop.run(ORDERS, admin, **given) for given, _, _ in SIZES]

    assert [answer.data for answer in answers] == [None] * len(SIZES)
    assert [(error["message"], error["extensions"]) for answer in answers for error in answer.errors] == [
        (message, {"code": "BAD_INPUT", "field": [field]}) for _, field, message in SIZES
    ]


def forged(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


async def test_a_cursor_that_this_list_did_not_make_is_refused(shop: Shop):
    admin, key = await make_admin(shop.database), str(uuid4())
    garbage = [
        "",
        "x",
        "ä",
        "AAAA",
        forged(),
        forged("PLACED_AT", "2026-03-02T12:00:00Z"),
        forged("PLACED_AT", "2026-03-02T12:00:00Z", "x"),
        forged("PLACED_AT", "yesterday", key),
        forged("PLACED_AT", None, key),
        forged("PLACED_AT", "0001-01-01T00:00:00+14:00", key),
    ]

    errors = [
        (await shop.run(ORDERS, admin, **{place: cursor})).errors for cursor in garbage for place in ("after", "before")
    ]

    expected = [
        ("This is not a cursor of this list.", {"code": "BAD_INPUT", "field": [place]})
        for _ in garbage
        for place in ("after", "before")
    ]
    assert [(error["message"], error["extensions"]) for [error] in errors] == expected


async def test_a_cursor_with_an_impossible_amount_is_refused(shop: Shop):
    admin, by = await make_admin(shop.database), {"field": "TOTAL"}
    cursors = [forged("TOTAL", amount, str(uuid4())) for amount in ("1e999999", "NaN", "Infinity", "ten")]

    answers = [await shop.run(ORDERS, admin, after=cursor, by=by) for cursor in cursors]

    messages = [error["message"] for answer in answers for error in answer.errors]
    assert messages == ["This is not a cursor of this list."] * 4


async def test_a_cursor_of_another_order_is_refused(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    await make_order(shop.database, customer=ada)
    [edge] = (await shop.get(ORDERS, admin, by={"field": "TOTAL"}))["orders"]["edges"]

    answer = await shop.run(ORDERS, admin, after=edge["cursor"], by={"field": "NUMBER"})

    [error] = answer.errors
    assert error["message"] == "This cursor belongs to a list ordered by TOTAL."
    assert error["extensions"] == {"code": "BAD_INPUT", "field": ["after"]}


@pytest.mark.check
def test_every_list_of_the_schema_is_tested_here():
    fields = SCHEMA.graphql_schema.query_type.fields
    lists = {name: field for name, field in fields.items() if "first" in field.args}

    assert set(lists) == set(LISTS)
    for name, field in lists.items():
        by = field.args.get("orderBy")
        assert (list(by.type.fields["field"].type.of_type.values) if by else []) == LISTS[name]
