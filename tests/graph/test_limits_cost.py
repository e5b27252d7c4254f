"""What operations cost, before they are executed and by their answer."""

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin
from graphql import OperationDefinitionNode, get_introspection_query, parse
from support.shop import CONTRACT, SCHEMA, Shop

from app.graphql.limits import limits_of
from app.settings import Settings
from graph.limits.documents import Documents
from graph.limits.pricing import Price
from graph.limits.weights import WEIGHTS

LIMITS = limits_of(Settings())
LINES = "lines { variant { stockLevels { available warehouse { code } } } }"

COSTS = {
    # A document and its variables, and what it may cost.
    "{ __typename }": ({}, 1),
    "{ me { id username } }": ({}, 1),
    '{ order(id: "x") { number total { amount } customer { name } } }': ({}, 2),
    '{ node(id: "x") { id ... on Order { customer { id } } ... on User { customer { id } } } }': ({}, 2),
    '{ nodes(ids: ["a", "b", "c"]) { id ... on Order { customer { id } } } }': ({}, 6),
    "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }": ({"ids": ["a"] * 7}, 7),
    # One item may stand for the list of it, and an id be a number.
    "{ nodes(ids: 90) { id } }": ({}, 1),
    "query ($id: [ID!]!) { nodes(ids: $id) { id } }": ({"id": 90}, 1),
    "query ($id: [ID!]! = 90) { nodes(ids: $id) { id } }": ({}, 1),
    "mutation { orderBulkApprove(input: {ids: 90}) { userErrors { code } } }": ({}, 10),
    "mutation ($input: OrderBulkApproveInput!) { orderBulkApprove(input: $input) { userErrors { code } } }": (
        {"input": {"ids": 90}},
        10,
    ),
    # Pages: as many as are asked for, whatever of them is selected; twenty where nothing is said.
    "{ orders(first: 10) { nodes { number total { amount } } } }": ({}, 10),
    "{ orders(last: 10) { edges { cursor node { number } } nodes { id } pageInfo { endCursor } } }": ({}, 10),
    "{ orders { pageInfo { endCursor } } }": ({}, 20),
    "{ orders(first: 10) { totalCount } }": ({}, 20),
    "{ orders(first: 10) { nodes { customer { name } } } }": ({}, 20),
    "{ customers(first: 10) { nodes { orders(first: 5) { nodes { id } totalCount } } } }": ({}, 10 + 10 * (5 + 10)),
    "query ($n: Int = 30) { orders(first: $n) { nodes { id } } }": ({}, 30),
    "query ($n: Int = 40) { orders(first: $n) { nodes { id } } }": ({"n": 7}, 7),
    # What is out of range is refused for that, and costs no more than the largest page.
    "query ($n: Int) { orders(first: $n) { nodes { id } } }": ({"n": 2_000_000_000}, 100),
    # Five items are assumed where no argument tells.
    f"{{ orders(first: 100) {{ nodes {{ {LINES} }} }} }}": ({}, 100 * (1 + 5 * (1 + 1 + 5 * (1 + 1)))),
    # What is asked for twice in one place is loaded once; under two names it is loaded twice.
    "{ me { customer { id } customer { name } ... on User { customer { email } } } }": ({}, 2),
    "{ me { a: customer { id } b: customer { id } } }": ({}, 3),
    # What is not asked for after all, is free.
    "query ($no: Boolean!) { me { customer @include(if: $no) { id } } }": ({"no": False}, 1),
    "query ($no: Boolean!) { me { ... @skip(if: $no) { customer { id } } } }": ({"no": False}, 2),
    "{ me { customer @skip(if: true) { id } } }": ({}, 1),
    # What has a row of its own.
    "{ orders(first: 2) { nodes { allowedActions { action } } } }": ({}, 4),
    "{ reports { orderStats { total } inventorySummary { total { onHand } } } }": ({}, 100),
    "{ reports { lowStock(first: 40) { warehouse { code } } } }": ({}, 50 + 40),
    "{ reports { lowStock { warehouse { code } } } }": ({}, 50 + 20),
    'mutation { orderApprove(input: {id: "x"}) { order { customer { name } } } }': ({}, 11),
    'mutation { orderBulkApprove(input: {ids: ["a", "b", "c"]}) { results { order { id } } } }': ({}, 30),
    "mutation ($input: OrderBulkRejectInput!) { orderBulkReject(input: $input) { userErrors { code } } }": (
        {"input": {"ids": ["a"] * 50}},
        500,
    ),
    'mutation { a: tokenCreate(input: {username: "u", password: "p"}) { accessToken } }': ({}, 50),
    "subscription { orderStatusChanged { order { number } } }": ({}, 11),
}


def price(text: str) -> Price:
    """The price of the only operation of a document, which must be valid."""
    [operation] = [each for each in parse(text).definitions if isinstance(each, OperationDefinitionNode)]
    known = Documents().get(text, LIMITS)
    assert [error.message for error in known.validate(SCHEMA.graphql_schema)] == []
    return known.price(SCHEMA.graphql_schema, operation.name.value if operation.name else None)


@pytest.mark.parametrize("text", COSTS)
def test_what_an_operation_may_cost(text: str):
    variables, cost = COSTS[text]

    assert price(text).requested(variables) == cost


def test_every_row_of_the_table_names_a_field_and_every_path_an_argument():
    types = SCHEMA.graphql_schema.type_map
    for name_of_field, weight in WEIGHTS.items():
        type_name, field_name = name_of_field.split(".")
        field = types[type_name].fields[field_name]  # pyright: ignore[reportAttributeAccessIssue]
        if weight.per:
            name, *inner = weight.per
            argument = field.args[name].type.of_type
            assert all(each in argument.fields for each in inner)


def test_to_ask_for_the_whole_schema_costs_less_than_may_be_spent():
    query = get_introspection_query(specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True)

    assert 1000 < price(query).requested({}) < LIMITS.cost


@pytest.mark.skipif(not CONTRACT.exists(), reason="../shared/contract is not beside this clone.")
def test_the_operations_of_the_contract_fit_with_room():
    ids = {"first": 100}
    costs = {path.stem: price(path.read_text()).requested(ids) for path in CONTRACT.glob("*.graphql")}

    assert costs["orders_page"] == 6200
    assert costs["order_point"] == 2
    assert max(costs.values()) <= LIMITS.cost * 0.7


async def test_a_cost_beyond_the_limit_is_refused_before_anything_is_read(shop: Shop):
    admin = await make_admin(shop.database)
    query = "{ orders(first: 10) { nodes { customer { name } } } }"

    within = await shop.held_to(limits={"cost": 20}).run(query, admin)
    beyond = await shop.held_to(limits={"cost": 19}).run(query, admin)

    assert within.errors == []
    [error] = beyond.errors
    assert error["extensions"] == {"code": "COST_TOO_HIGH", "limit": 19, "found": 20}
    assert (beyond.data, beyond.statements) == (None, 0)


ACTUAL = {
    # What is asked of a shop with two orders of one line each; what it may cost, and what it has cost.
    f"{{ orders(first: 50) {{ nodes {{ {LINES} }} }} }}": (50 * 61, 2 * (1 + 1 + 1 + 2 * (1 + 1))),
    "{ orders(first: 50) { edges { node { customer { name } } } } }": (100, 4),
    "{ orders(first: 50) { pageInfo { endCursor } } }": (50, 50),
    '{ order(number: "none") { customer { name } } }': (2, 1),
    "{ orders(first: 1) { totalCount nodes { id } } }": (11, 11),
    "{ reports { orderStats { total } } }": (50, 50),
    "{ reports { lowStock { warehouse { code } } } }": (70, 50),
}


async def test_what_an_operation_has_cost_is_read_from_its_answer(shop: Shop):
    admin = await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=10, YRK=10)
    for _ in range(2):
        await place(shop, admin, ("MUG", 1))

    answers = {query: await shop.run(query, admin) for query in ACTUAL}

    assert {query: answer.errors for query, answer in answers.items()} == {query: [] for query in ACTUAL}
    costs = {query: (answer.cost["requested"], answer.cost["actual"]) for query, answer in answers.items()}
    assert costs == ACTUAL


async def test_where_something_failed_all_that_was_asked_for_has_its_cost(shop: Shop):
    answer = await shop.run("{ variants(first: 50) { nodes { id } } reports { orderStats { total } } }")

    assert [error["extensions"]["code"] for error in answer.errors] == ["UNAUTHENTICATED"]
    assert (answer.cost["requested"], answer.cost["actual"]) == (100, 100)
