"""What the database writes as JSON, to the letter: values, names, places in lists, and whose they are."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import make_order
from factories.people import make_admin, make_customer, make_user
from factories.whole_shop import make_whole_shop
from sqlalchemy import insert, select, update
from support.shop import Shop

from db.base import new_id
from db.catalog import products
from db.customers import addresses
from db.engine import Database
from db.orders import orders
from db.sheets import BYTES_IN_LINE, quoted, sealed, together
from db.users import SHEETS
from domain.actor import Actor, Scope
from domain.opaque import seal
from graph.node import global_id

TEXTS = (
    "",
    " ",
    '"quoted" and \\ back',
    "it's 100% :name $1 %(name)s /*rows*/ {} []",
    "\b\f\n\r\t\x01\x1f\x7f",
    "\u2028\u2029\u00e9\u4e2d\U0001f600\ufeff",
    "<script>?>~>>>???~~~",
    "Zo\u00eb" * 60,
)

AMOUNTS = {
    # What is stored, how it is told, and how 97 of it are told.
    "1E-20": ("0.00000000000000000001", "0.00000000000000000097"),
    "0": ("0", "0"),
    "0E-10": ("0.0000000000", "0.0000000000"),
    "0.0000001": ("0.0000001", "0.0000097"),
    "0.10": ("0.10", "9.70"),
    "1E+5": ("100000", "9700000"),
    "123456789012345678.123456789": ("123456789012345678.123456789", "11975308534197530777.975308533"),
    "12345678901234567890.12345678901234567890": (
        "12345678901234567890.12345678901234567890",
        "1197530853419753085341.97530853419753085330",
    ),
}

MOMENTS = {
    # The driver takes the very first and the very last moment for infinity.
    datetime(1, 1, 1, 0, 0, 1, tzinfo=UTC): "0001-01-01T00:00:01Z",
    datetime(2026, 3, 2, 12, tzinfo=UTC): "2026-03-02T12:00:00Z",
    datetime(2026, 3, 2, 12, 0, 0, 1, tzinfo=UTC): "2026-03-02T12:00:00.000001Z",
    datetime(2026, 3, 2, 12, 0, 0, 100_000, tzinfo=UTC): "2026-03-02T12:00:00.100000Z",
    datetime(9999, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC): "9999-12-31T23:59:59.999998Z",
}


async def written(shop: Shop, query: str, viewer: Actor | None = None, **variables: Any) -> Any:
    """What the database writes, by one statement, which must be what is read; and so must be what that costs."""
    answers = []
    for shop.takes_json in (False, True):
        answer = await shop.run(query, viewer, **variables)
        assert answer.errors == []
        answers.append(answer)
    read, found = answers
    assert found.statements == 1
    assert (found.data, found.cost["actual"]) == (read.data, read.cost["actual"])
    return found.data


async def test_texts_are_written_as_they_are(shop: Shop):
    rows = [{"id": new_id(), "name": f"{place}{text}", "description": text} for place, text in enumerate(TEXTS)]
    await shop.database.execute(insert(products), [*rows, {"id": new_id(), "name": "9", "description": None}])

    query = "{ products(orderBy: {field: NAME}) { edges { cursor node { name description } } } }"
    edges = (await written(shop, query))["products"]["edges"]

    assert [(edge["node"]["name"], edge["node"]["description"]) for edge in edges] == [
        *((f"{place}{text}", text) for place, text in enumerate(TEXTS)),
        ("9", None),
    ]


async def test_amounts_are_written_exactly(shop: Shop):
    admin = await make_admin(shop.database)
    for place, amount in enumerate(AMOUNTS):
        variant = await make_variant(shop.database, f"SKU{place}", price=amount)
        await make_order(shop.database, f"A{place}", lines=[(variant, 97, amount)], total=amount, currency="JPY")

    query = "{ orders(orderBy: {field: NUMBER}) { nodes { total { amount currencyCode } lines { total { amount }"
    query += " unitPrice { amount } variant { price { amount currencyCode } } } } } }"
    nodes = (await written(shop, query, admin))["orders"]["nodes"]

    assert nodes == [
        {
            "total": {"amount": one, "currencyCode": "JPY"},
            "lines": [
                {
                    "total": {"amount": many},
                    "unitPrice": {"amount": one},
                    "variant": {"price": {"amount": one, "currencyCode": "GBP"}},
                }
            ],
        }
        for one, many in AMOUNTS.values()
    ]


async def test_moments_are_written_in_utc_with_the_fraction_that_they_have(shop: Shop):
    admin = await make_admin(shop.database)
    for place, moment in enumerate(MOMENTS):
        await make_order(shop.database, f"A{place}", placed_at=moment)

    query = "{ orders(orderBy: {field: PLACED_AT}) { edges { cursor node { placedAt } } } }"
    edges = (await written(shop, query, admin))["orders"]["edges"]

    assert [edge["node"]["placedAt"] for edge in edges] == list(MOMENTS.values())


async def test_what_is_missing_is_null_in_every_place(shop: Shop):
    admin = await make_admin(shop.database)
    customer = await make_customer(shop.database)
    await shop.database.execute(insert(addresses).values(id=new_id(), customer_id=customer, country="Eire"))
    await make_order(shop.database, "A1", customer=customer)
    await make_order(shop.database, "A2")

    query = "{ orders(orderBy: {field: NUMBER}) { nodes { country notes placedBy { id } lines { position } customer {"
    query += " reference email addresses { line1 line2 city postalCode country } } } } }"
    nodes = (await written(shop, query, admin))["orders"]["nodes"]

    nothing = {"country": None, "notes": None, "placedBy": None, "lines": []}
    address = {"line1": None, "line2": None, "city": None, "postalCode": None, "country": "Eire"}
    assert nodes == [
        {**nothing, "customer": {"reference": None, "email": None, "addresses": [address]}},
        {**nothing, "customer": None},
    ]


NAMES = (
    "POSTCOMPILE",
    "__POSTCOMPILE_x",
    "____",
    "_1",
    "null",
    "select",
    "a" * 5000,
    "part_0",
    "key",
)
"""Whatever GraphQL allows may be the name of something in an answer; those with two underscores too."""


async def test_any_name_may_be_given_and_many(shop: Shop):
    whole = await make_whole_shop(shop.database, 1)
    held = shop.held_to(limits={"aliases": 2000, "fields": 3000, "tokens": 20_000, "duplicates": 3000})
    names = [*NAMES, *(f"n{index}" for index in range(300))]
    totals, moments, units = ([f"{kind}{index}" for index in range(120)] for kind in "tmu")
    selected = " ".join(
        [
            *(f"{name}: number" for name in names),
            *(f"{name}: total {{ amount c: currencyCode }}" for name in totals),
            *(f"{name}: placedAt" for name in moments),
            f"lines {{ {' '.join(f'{name}: quantity' for name in units)} }}",
        ]
    )

    query = f"{{ orders(first: 1, orderBy: {{field: NUMBER}}) {{ nodes {{ {selected} }} }} }}"
    [node] = (await written(held, query, whole.admin))["orders"]["nodes"]

    assert list(node.items()) == [
        *((name, "M00000") for name in names),
        *((name, {"amount": "5.00", "c": "GBP"}) for name in totals),
        *((name, "2026-03-02T12:00:00Z") for name in moments),
        ("lines", [dict.fromkeys(units, 2)]),
    ]


SELECTIONS = {
    # What is selected of orders, and what comes of it for the first of them.
    "nodes { id @include(if: $yes) number @skip(if: true) }": {},
    "nodes { number lines { quantity @include(if: $yes) } customer { name @include(if: $yes) } }": {
        "number": "M00000",
        "lines": [{}],
        "customer": {},
    },
    "...A ...B": {
        "number": "M00000",
        "lines": [{"quantity": 2, "position": 1}],
        "total": {"c": "GBP", "amount": "5.00"},
    },
    "nodes { __typename t: __typename total { __typename } lines { __typename } }": {
        "__typename": "Order",
        "t": "Order",
        "total": {"__typename": "Money"},
        "lines": [{"__typename": "OrderLine"}],
    },
}

FRAGMENTS = """
fragment A on OrderConnection { nodes { number lines { quantity } total { c: currencyCode } } }
fragment B on OrderConnection { n: totalCount @skip(if: true) nodes { lines { position } total { amount } } }
"""


@pytest.mark.parametrize("selected", SELECTIONS)
async def test_what_is_selected_is_what_is_written(shop: Shop, selected: str):
    whole = await make_whole_shop(shop.database, 1)

    fragments = FRAGMENTS if "..." in selected else ""
    variables, given = ("($yes: Boolean!)", {"yes": False}) if "$yes" in selected else ("", {})
    query = f"query {variables} {{ orders(first: 1, orderBy: {{field: NUMBER}}) {{ {selected} }} }}{fragments}"
    data = await written(shop, query, whole.admin, **given)

    assert data == {"orders": {"nodes": [SELECTIONS[selected]]}}


PAGES = """
query ($first: Int, $after: String, $last: Int, $before: String, $by: OrderOrder) {
  orders(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { at: cursor node { number total { amount } } again: node { id } cursor __typename }
  }
}
"""


@pytest.mark.parametrize("field", ["NUMBER", "TOTAL", "PLACED_AT"])
async def test_places_are_those_that_are_read_and_lead_on_in_both_directions(shop: Shop, field: str):
    admin = await make_admin(shop.database)
    amounts, moments = list(AMOUNTS), list(MOMENTS)
    for place in range(7):
        number = f'{place}{"?>~" * place}"\\ Zo\u00eb\n'
        await make_order(shop.database, number, total=amounts[place], placed_at=moments[place % 5])

    pages = []
    for direction in ("ASC", "DESC"):
        by, windows = {"field": field, "direction": direction}, (("first", "after"), ("last", "before"))
        for size, end in windows:
            cursor, found = None, []
            for _ in range(4):
                variables = {size: 2, "by": by} | ({end: cursor} if cursor else {})
                page = (await written(shop, PAGES, admin, **variables))["orders"]
                cursors = [edge["cursor"] for edge in page["edges"]]
                assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == (cursors[0], cursors[-1])
                cursor = cursors[-1 if size == "first" else 0]
                numbers = [edge["node"]["number"] for edge in page["edges"]]
                found = [*found, *numbers] if size == "first" else [*numbers, *found]
            pages.append(found)

    onwards, _, downwards, _ = pages
    assert pages == [onwards, onwards, downwards, downwards]
    assert downwards == onwards[::-1]
    assert len(set(onwards)) == 7


async def test_an_id_may_end_with_the_line_of_base64(database: Database):
    for length in (BYTES_IN_LINE - 1, BYTES_IN_LINE, BYTES_IN_LINE + 1, 2 * BYTES_IN_LINE):
        text = "a" * length
        assert (await database.read(select(sealed(quoted(text), length))))[0][0] == seal(text)


async def test_more_parts_are_put_together_than_a_function_takes(database: Database):
    pieces = [each for index in range(3000) for each in (quoted(f"{index}"), ",")]

    [[text]] = await database.read(select(together(pieces)))

    assert text == "".join(f"{index}," for index in range(3000))


@pytest.mark.parametrize("text", ["'", "\\", "%", "\n", "$1;", "*"])
def test_nothing_but_names_and_signs_of_json_stands_in_a_statement(text: str):
    with pytest.raises(ValueError, match=re.escape(text)):
        quoted(text)


VARIANT = "variant { id sku product { name } stockLevels { available warehouse { code } } }"
LISTS = (
    f"orders {{ nodes {{ id number total {{ amount }} customer {{ id email }} lines {{ quantity {VARIANT} }} }} }}",
    "orders { nodes { customer { addresses { city } } placedBy { email } returns { number order { number } } } }",
    "orders { edges { cursor node { placedBy { id customer { id email } } } } }",
    f"returns {{ nodes {{ number customer {{ name user {{ email }} }} order {{ number }} lines {{ {VARIANT} }} }} }}",
    "customers { nodes { id name reference user { username email lastLoginAt } addresses { line1 } } }",
    "users { edges { cursor node { id username email customer { id name addresses { city } } } } }",
    "products { nodes { id name variants { sku stockLevels { onHand reserved warehouse { priority } } } } }",
    "variants { nodes { sku price { amount } product { name } stockLevels { available warehouse { code } } } }",
    "stockLevels { nodes { available variant { sku } warehouse { code } } }",
    "stockMovements { nodes { kind quantity actor { email } order { number customer { name } } variant { sku } } }",
    "warehouses { nodes { code name priority } }",
    "adjustments { nodes { number reason amount { amount } } }",
)
"""Lists with relations to all that somebody may not see."""

LOOKED_UP = {
    "order": f"number customer {{ id email }} placedBy {{ username email }} lines {{ quantity {VARIANT} }}",
    "customer": "id name email user { email } addresses { city }",
    "user": "id username email lastLoginAt customer { name }",
}
"""What is looked up of somebody who buys."""


async def test_everybody_is_written_what_they_may_read(shop: Shop):
    whole = await make_whole_shop(shop.database, 2)
    await shop.database.execute(update(orders).values(placed_by=whole.users[0].user_id))
    machine = await make_user(shop.database, "machine", Scope.AUDIT_READ, Scope.INVENTORY_READ)
    viewers = [
        Actor.anonymous(),
        *whole.users,
        await make_user(shop.database, "support", Scope.ORDERS_READ, Scope.USERS_READ),
        await make_user(shop.database, "seller", Scope.ORDERS_READ),
        await make_user(shop.database, "clerk", Scope.USERS_READ),
        machine,
        Actor(None, scopes=frozenset({"orders:read", "no:such"})),
        whole.admin,
    ]

    buyer, other = whole.users
    ids = {"order": whole.orders[0], "customer": whole.customers[0], "user": buyer.user_id or new_id()}
    found: dict[Actor, list[bool]] = {}
    for viewer in viewers:
        for selected in LISTS:
            await written(shop, f"{{ {selected} }}", viewer)
        found[viewer] = []
        for name, selected in LOOKED_UP.items():
            query = f"query ($id: ID!) {{ {name}(id: $id) {{ {selected} }} }}"
            data = await written(shop, query, viewer, id=global_id(name.capitalize(), ids[name]))
            found[viewer].append(data[name] is not None)

    assert (found[buyer], found[whole.admin]) == ([True] * 3, [True] * 3)
    assert (found[other], found[Actor.anonymous()]) == ([False] * 3, [False] * 3)


def test_what_is_secret_is_in_no_sheet():
    assert {name: SHEETS["user"].column(name) for name in ("password_hash", "scopes")} == {
        "password_hash": None,
        "scopes": None,
    }
