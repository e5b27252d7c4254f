"""Pages inside pages: the orders of many customers in one statement, each page in its own order."""

from typing import Any

from factories.orders import make_orders
from factories.people import make_admin, make_customer
from support.shop import Shop

NESTED = """
query ($first: Int, $after: String, $last: Int, $before: String) {
  customers(first: 100, orderBy: {field: NAME}) {
    nodes {
      name
      orders(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { number } }
        pageInfo { hasNextPage hasPreviousPage }
      }
    }
  }
}
"""


def numbers(data: Any) -> list[list[str]]:
    return [[edge["node"]["number"] for edge in node["orders"]["edges"]] for node in data["customers"]["nodes"]]


async def test_each_customer_has_their_own_page_newest_first(shop: Shop):
    customers = [await make_customer(shop.database, name) for name in "ABC"]
    await make_orders(shop.database, 7, customers[:2])

    first = await shop.run(NESTED, await make_admin(shop.database), first=3)
    last = await shop.run(NESTED, await make_admin(shop.database, "boss2"), last=3)

    assert numbers(first.data) == [["M00006", "M00004", "M00002"], ["M00005", "M00003", "M00001"], []]
    assert numbers(last.data) == [["M00004", "M00002", "M00000"], ["M00005", "M00003", "M00001"], []]
    assert [node["orders"]["pageInfo"] for node in first.data["customers"]["nodes"]] == [
        {"hasNextPage": True, "hasPreviousPage": False},
        {"hasNextPage": False, "hasPreviousPage": False},
        {"hasNextPage": False, "hasPreviousPage": False},
    ]
    assert (first.statements, last.statements) == (2, 2)


async def test_a_cursor_inside_goes_on_from_its_place(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    await make_orders(shop.database, 5, [ada])

    page = await shop.get(NESTED, admin, first=2)
    cursor = page["customers"]["nodes"][0]["orders"]["edges"][-1]["cursor"]
    after = await shop.get(NESTED, admin, first=2, after=cursor)
    before = await shop.get(NESTED, admin, last=1, before=cursor)

    assert numbers(page) == [["M00004", "M00003"]]
    assert numbers(after) == [["M00002", "M00001"]]
    assert numbers(before) == [["M00004"]]


async def test_the_statements_do_not_grow_with_the_customers_or_their_orders(shop: Shop):
    admin = await make_admin(shop.database)
    query = "{ customers(first: 100) { nodes { orders(first: 5) { totalCount nodes { number } } } } }"

    await make_orders(shop.database, 1, [await make_customer(shop.database)])
    small = await shop.run(query, admin)
    customers = [await make_customer(shop.database, f"C{index}") for index in range(60)]
    await make_orders(shop.database, 600, customers, start=1)
    large = await shop.run(query, admin)

    assert (small.statements, large.statements) == (3, 3)
    pages = [node["orders"] for node in large.data["customers"]["nodes"]]
    assert [page["totalCount"] for page in pages] == [1] + [10] * 60
    assert pages[7]["nodes"] == [{"number": f"M{index:05}"} for index in (546, 486, 426, 366, 306)]


async def test_two_pages_under_two_names_are_two_statements(shop: Shop):
    admin, ada = await make_admin(shop.database), await make_customer(shop.database)
    await make_orders(shop.database, 3, [ada])

    answer = await shop.run(
        "{ customers { nodes {"
        " newest: orders(first: 1) { nodes { number } } oldest: orders(last: 1) { nodes { number } } } } }",
        admin,
    )

    assert answer.data["customers"]["nodes"] == [
        {"newest": {"nodes": [{"number": "M00002"}]}, "oldest": {"nodes": [{"number": "M00000"}]}}
    ]
    assert answer.statements == 3


async def test_a_wrong_cursor_inside_is_refused_with_its_path(shop: Shop):
    admin = await make_admin(shop.database)
    await make_customer(shop.database)

    answer = await shop.run(NESTED, admin, first=2, after="nonsense")

    [error] = answer.errors
    assert error["path"] == ["customers", "nodes", 0, "orders"]
    assert error["extensions"] == {"code": "BAD_INPUT", "field": ["after"]}
