"""What clients are told when something is wrong: a code always, details only where the mistake is theirs."""

from factories.goods import make_variant
from factories.orders import PLACE
from factories.people import make_admin, make_user
from sqlalchemy import text
from structlog.testing import capture_logs
from support.shop import Shop

ORDERS = "query ($filter: OrderFilter) { orders(filter: $filter) { nodes { id } } }"
STATS = (
    "query ($from: Date!, $to: Date!, $zone: String!) {"
    " reports { orderStats(from: $from, to: $to, timeZone: $zone) { total } } }"
)
MASKED = "Something went wrong on our side. Request test-request is in the log."


async def test_a_fault_in_a_query_is_masked_and_logged_once_with_the_request_id(shop: Shop):
    admin = await make_admin(shop.database)
    await shop.database.execute(text("DROP TABLE adjustments CASCADE"))

    with capture_logs() as logs:
        answer = await shop.run("{ adjustments { nodes { id } } }", admin)

    [error] = answer.errors
    assert (error["message"], error["path"]) == (MASKED, ["adjustments"])
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "test-request"}
    faults = [entry for entry in logs if entry["event"] == "fault"]
    assert [(each["log_level"], each["request_id"], each["path"]) for each in faults] == [
        ("error", "test-request", ["adjustments"])
    ]
    assert "adjustments" in str(faults[0]["exc_info"])


async def test_a_fault_in_a_mutation_is_masked_and_changes_nothing(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer = await make_user(shop.database)
    await shop.database.execute(text("ALTER TABLE pending_events ADD CHECK (kind <> 'ORDER_STATUS_CHANGED')"))
    before = await shop.counts()

    with capture_logs() as logs:
        answer = await shop.run(PLACE, buyer, input={"lines": [{"sku": "MUG", "quantity": 1}]})

    assert [error["message"] for error in answer.errors] == [MASKED]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["fault"]
    assert await shop.counts() == before
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 0


async def test_the_branches_beside_a_fault_answer_all_the_same(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG")
    await shop.database.execute(text("ALTER TABLE products RENAME TO gone"))

    with capture_logs():
        answer = await shop.run('{ variant(sku: "MUG") { sku product { name } } me { username } }', admin)

    assert answer.data == {"variant": {"sku": "MUG", "product": None}, "me": {"username": "boss"}}
    assert [(error["path"], error["message"]) for error in answer.errors] == [(["variant", "product"], MASKED)]


async def test_a_refusal_in_a_query_has_its_code_and_field_and_is_not_logged(shop: Shop):
    with capture_logs() as logs:
        both = await shop.run('{ order(id: "x", number: "x") { id } }')
        neither = await shop.run("{ order { id } }")
        report = await shop.run("{ reports { orderStats { total } } }")

    told = [[(each["message"], each["extensions"]) for each in answer.errors] for answer in (both, neither, report)]
    choose = [("Give either `id` or `number`.", {"code": "BAD_INPUT", "field": ["id"]})]
    message = "Sign in first: the request carries no valid access token."
    assert told == [choose, choose, [(message, {"code": "UNAUTHENTICATED"})]]
    assert logs == []


DOCUMENTS = {
    "{ me { username }": "GRAPHQL_PARSE_FAILED",
    "# nothing but a remark": "GRAPHQL_PARSE_FAILED",
    "{ me { nothing } }": "GRAPHQL_VALIDATION_FAILED",
    "query ($id: ID!) { node(id: $id) { id } }": "GRAPHQL_VALIDATION_FAILED",
    "{ orders(first: 1.5) { nodes { id } } }": "GRAPHQL_VALIDATION_FAILED",
}


async def test_a_broken_document_has_a_code_and_is_not_logged(shop: Shop):
    with capture_logs() as logs:
        answers = [await shop.run(query) for query in DOCUMENTS]

    assert [[error["extensions"] for error in answer.errors] for answer in answers] == [
        [{"code": code}] for code in DOCUMENTS.values()
    ]
    assert [answer.data for answer in answers] == [None] * len(DOCUMENTS)
    assert logs == []


DECIMAL = 'A Decimal is written as a string, such as "12.50".'
FINITE = "A Decimal is finite and has at most 40 digits."
MOMENT = 'A DateTime is written as "2026-11-21T09:30:00Z".'
ZONE = 'A DateTime names its zone: "2026-11-21T09:30:00Z" or "…+01:00".'
YEARS = "A DateTime lies in the years 1 to 9999 of UTC."


VALUES = [
    ({"total": {"eq": 1.5}}, "total.eq", DECIMAL),
    ({"total": {"eq": True}}, "total.eq", DECIMAL),
    ({"total": {"eq": ["1"]}}, "total.eq", DECIMAL),
    ({"total": {"eq": "NaN"}}, "total.eq", FINITE),
    ({"total": {"eq": "-Infinity"}}, "total.eq", FINITE),
    ({"total": {"eq": "1e41"}}, "total.eq", FINITE),
    ({"total": {"eq": "1e-41"}}, "total.eq", FINITE),
    ({"total": {"eq": "1" * 41}}, "total.eq", FINITE),
    ({"total": {"eq": "12,50"}}, "total.eq", '"12,50" is not a decimal number.'),
    ({"placedAt": {"gt": "2026-03-01T00:00:00"}}, "placedAt.gt", ZONE),
    ({"placedAt": {"gt": "2026-03-01"}}, "placedAt.gt", ZONE),
    ({"placedAt": {"gt": "yesterday"}}, "placedAt.gt", MOMENT),
    ({"placedAt": {"gt": 1_700_000_000}}, "placedAt.gt", MOMENT),
    ({"placedAt": {"gt": "0001-01-01T00:00:00+14:00"}}, "placedAt.gt", YEARS),
]


async def test_a_value_that_a_scalar_does_not_take_is_named(shop: Shop):
    answers = [await shop.run(ORDERS, filter=condition) for condition, _, _ in VALUES]

    assert [(error["message"], error["extensions"]) for answer in answers for error in answer.errors] == [
        (f"Variable '$filter' has invalid value at .{place}: {message}", {"code": "GRAPHQL_VALIDATION_FAILED"})
        for _, place, message in VALUES
    ]


async def test_values_at_the_edge_of_a_scalar_are_taken(shop: Shop):
    admin = await make_admin(shop.database)
    edges = [
        {"total": {"eq": 12}},
        {"total": {"eq": "1e40"}},
        {"total": {"eq": "-0.0000000000000000000000000000000000000001"}},
        {"placedAt": {"gt": "0001-01-01T00:00:00Z", "lt": "9999-12-31T23:59:59.999999Z"}},
        {"placedAt": {"gt": "2026-03-01T00:00:00+14:00"}},
    ]

    assert [(await shop.run(ORDERS, admin, filter=edge)).errors for edge in edges] == [[]] * len(edges)


async def test_what_is_no_day_is_refused(shop: Shop):
    for day in ("2026-02-30", "today", 20260301, "2026-03-01T00:00:00Z"):
        answer = await shop.run(STATS, **{"from": day, "to": "2026-03-01", "zone": "UTC"})

        [error] = answer.errors
        message = f"Variable '$from' has invalid value: Value cannot represent a Date: \"{day}\"."
        assert error["message"].startswith(message)
        assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_money_and_moments_are_written_exactly(shop: Shop):
    await make_variant(shop.database, "MUG", "0.00000001")
    await make_variant(shop.database, "CUP", "12345678901234567890.10")
    await shop.database.execute(text("UPDATE variants SET created_at = '2026-07-01 12:00:00.5+02'"))

    data = await shop.get("{ variants { nodes { price { amount } createdAt } } }")

    moment = "2026-07-01T10:00:00.500000Z"
    assert data["variants"]["nodes"] == [
        {"price": {"amount": "12345678901234567890.10"}, "createdAt": moment},
        {"price": {"amount": "0.00000001"}, "createdAt": moment},
    ]
