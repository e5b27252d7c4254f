"""The shop without compiled execution, as ORDERWIRE_EXECUTION=graphql-core runs it: a few of each kind of operation."""

from pathlib import Path
from typing import Any

import pytest
from factories.goods import make_variant
from factories.orders import place
from factories.people import make_admin
from factories.whole_shop import make_whole_shop
from support.shop import SCHEMA, Shop

from app.choices import Execution
from app.graphql.http import GraphQLEndpoint
from app.main import create_app
from app.settings import Settings
from graph.schema import build_schema

REFERENCE = build_schema(is_compiled=False)

READS = (
    "{ me { username } orders(first: 3) { totalCount nodes { number lines { variant { sku } } customer { name } } } }",
    "{ orders(first: 3) { nodes { allowedActions { action allowed reason } returns { number } events { kind } } } }",
    "{ customers(first: 2) { nodes { name orders(first: 1) { totalCount edges { cursor node { number } } } } } }",
    '{ reports { orderStats { total } salesByCountry(from: "2026-03-01", to: "2026-03-31") { country units } } }',
    "{ orders(first: 1000) { totalCount } }",
    '{ variant(sku: "nothing") { sku } node(id: "nothing") { id } }',
)


@pytest.fixture
def plain(shop: Shop) -> Shop:
    """The shop behind the schema that graphql-core executes."""
    shop.schema = REFERENCE
    return shop


async def test_reads_answer_the_same_and_take_the_same_statements(plain: Shop):
    admin = (await make_whole_shop(plain.database, 4)).admin
    plain.takes_json = False

    plainly = [await plain.run(query, admin) for query in READS]
    plain.schema = SCHEMA
    compiled = [await plain.run(query, admin) for query in READS]

    told = [[(each.data, each.errors, each.statements) for each in answers] for answers in (plainly, compiled)]
    assert told[0] == told[1]


async def test_orders_are_placed_and_watched(plain: Shop):
    await make_variant(plain.database, "MUG", LON=10)
    admin = await make_admin(plain.database)

    async with plain.watching("subscription { orderStatusChanged { to order { number } } }", admin) as watch:
        order = await place(plain, admin, ("MUG", 2))
        told = await watch.next()

    assert told == {"orderStatusChanged": {"to": "PENDING", "order": {"number": order["number"]}}}


@pytest.mark.parametrize("execution", Execution)
def test_the_setting_chooses(execution: Execution, tmp_path: Path):
    app = create_app(Settings(database_url="postgresql://nowhere", data_dir=tmp_path, execution=execution))

    endpoints: list[Any] = [getattr(route, "app", None) for route in app.routes]
    [schema] = [each._schema for each in endpoints if isinstance(each, GraphQLEndpoint)]

    assert (schema.operations is not None) is (execution is Execution.COMPILED)
