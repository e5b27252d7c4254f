"""What happens around an operation: fresh reads, one operation of a document, and the seam for batches."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import move, place
from factories.people import make_admin, make_user
from graphql import GraphQLObjectType
from sqlalchemy import text
from support.shop import SCHEMA, Shop
from support.waiting import PATIENCE, until

from db.events import EventLog
from domain.actor import Actor, Origin
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.refusals import ErrorCode
from graph.context import Context
from graph.fields import BATCH, RELATION, Relation, relation
from graph.loaders import Loaders
from graph.node import parse_id
from graph.scalars import SCALARS, BigInt

LEFT = "order { lines { variant { stockLevels { available } } } }"

TWO_ORDERS = f"""
mutation {{
  first: orderPlace(input: {{lines: [{{sku: "MUG", quantity: 1}}]}}) {{ {LEFT} }}
  second: orderPlace(input: {{lines: [{{sku: "MUG", quantity: 5}}]}}) {{ {LEFT} }}
}}
"""

WATCH = "subscription { orderStatusChanged { order { number } } }"


async def test_each_of_several_mutations_answers_with_what_is_true_after_it(shop: Shop):
    await make_variant(shop.database, "MUG", LON=10)
    admin = await make_admin(shop.database)

    told = await shop.get(TWO_ORDERS, admin)

    left = [told[name]["order"]["lines"][0]["variant"]["stockLevels"] for name in ("first", "second")]
    assert left == [[{"available": 9}], [{"available": 4}]]


async def test_of_several_operations_one_must_be_named_and_none_runs(shop: Shop):
    register = 'userRegister(input: {username: "%s", email: "%s@example.com", password: "long enough"}) { user { id } }'
    document = "".join(f"mutation {name} {{ {register % (name, name)} }} " for name in ("alpha", "bravo"))

    answer = await shop.run(document)

    assert answer.data is None
    assert [error["extensions"]["code"] for error in answer.errors] == ["GRAPHQL_VALIDATION_FAILED"]
    assert "operationName" in answer.errors[0]["message"]
    assert (await shop.counts())["users"] == 0


async def test_a_number_of_thousands_of_digits_is_the_mistake_of_the_client(shop: Shop):
    answer = await shop.run(f"{{ orders(first: {'9' * 5000}) {{ totalCount }} }}")

    assert [error["extensions"]["code"] for error in answer.errors] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_each_event_of_a_stream_counts_its_own_statements(shop: Shop):
    await make_variant(shop.database, "MUG", LON=10)
    admin = await make_admin(shop.database)

    async def listen() -> list[int]:
        async with aclosing(shop.watch(WATCH, admin)) as stream:
            return [(await anext(stream)).extensions["statements"] for _ in range(3)]

    listening = asyncio.ensure_future(listen())
    await until(lambda: len(shop.process.services.streams) == 1)
    for _ in range(3):
        await place(shop, admin, ("MUG", 1))

    async with asyncio.timeout(PATIENCE):
        # Each event reads its order.
        assert await listening == [1, 1, 1]


async def test_a_cursor_of_a_process_that_has_read_further_is_taken(shop: Shop):
    """Behind a balancer a client may resume at a process whose hub has not read the newest events yet."""
    await make_variant(shop.database, "MUG", LON=10)
    admin = await make_admin(shop.database)
    for _ in range(3):
        await place(shop, admin, ("MUG", 1))
    feed: Any = shop.process.services.feed
    await shop.counts()
    newest = (await EventLog(shop.database).after(0, 10))[-1]
    # As a process is that has not read anything.
    feed._ring.clear()
    feed.position = 0

    async with aclosing(feed.follow(newest.position)) as events:
        following = asyncio.ensure_future(anext(events))
        fourth = await place(shop, admin, ("MUG", 1))
        async with asyncio.timeout(PATIENCE):
            event = await following

    # Its goods are reserved first.
    assert event.payload["kind"] == "RESERVATION"
    assert event.payload["order_id"] == str(parse_id(fourth["id"])[1])


async def test_movements_follow_one_another_though_buyers_race(shop: Shop):
    """Each movement begins where the one before it ended, in the order in which the ledger is read."""
    await make_variant(shop.database, "MUG", LON=1000)
    buyers = [await make_user(shop.database, f"buyer{index}") for index in range(8)]

    for _ in range(6):
        await asyncio.gather(*(place(shop, buyer, ("MUG", 1)) for buyer in buyers))

    broken = """
    SELECT count(*) FROM (
      SELECT reserved_before, lag(reserved_after) OVER (ORDER BY occurred_at, id) AS last FROM stock_movements
    ) AS ledger WHERE reserved_before <> last
    """
    assert await shop.scalar(broken) == 0
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 48


async def test_what_cannot_be_done_is_refused_for_that_before_the_right_to_do_it(shop: Shop):
    await make_variant(shop.database, "MUG", LON=10)
    buyer = await make_user(shop.database)
    order = await place(shop, buyer, ("MUG", 1))
    await move(shop, buyer, "cancel", order["id"])

    again = await move(shop, buyer, "cancel", order["id"])

    assert [error["code"] for error in again["userErrors"]] == [ErrorCode.ILLEGAL_TRANSITION]


async def test_a_relation_answers_many_parents_as_it_answers_each(shop: Shop):
    await make_variant(shop.database, "MUG", LON=10)
    buyer, admin = await make_user(shop.database), await make_admin(shop.database)
    for _ in range(3):
        await place(shop, buyer, ("MUG", 1))
    orders = (await shop.database.read(text("SELECT id, customer_id FROM orders ORDER BY id"))) * 2
    keyless = [*orders, Keyless()]

    field: Any = relation(None, "customer", "customer_id", "Who buys.")
    together = await field.metadata[BATCH](keyless, Asking(shop.context(admin)))
    apart = [await field.base_resolver(each, info=Asking(shop.context(admin))) for each in keyless]

    assert together == apart
    assert together[-1] is None
    assert {each.name for each in together[:-1]} == {"buyer"}


@dataclass
class Asking:
    """As much of `info` as a relation needs."""

    context: Context


class Keyless:
    """A parent that refers to nothing."""

    customer_id = None


def test_every_edge_of_the_schema_answers_for_many_parents_at_once():
    declared = [
        field.extensions["strawberry-definition"].metadata
        for graphql_type in SCHEMA.graphql_schema.type_map.values()
        if isinstance(graphql_type, GraphQLObjectType)
        for field in graphql_type.fields.values()
        if "strawberry-definition" in field.extensions
    ]
    edges = [metadata for metadata in declared if BATCH in metadata]
    relations: list[Relation | None] = [metadata.get(RELATION) for metadata in edges]

    assert len(edges) == 36
    # Two take arguments, or more than one loader.
    assert relations.count(None) == 2
    assert all(hasattr(Loaders, each.loader) for each in relations if each is not None)


def test_sums_may_pass_thirty_two_bits():
    assert SCALARS[BigInt].serialize(4_000_000_000) == 4_000_000_000


async def test_an_event_of_an_actor_without_account_is_not_written(shop: Shop):
    ghost = Actor(uuid4(), "ghost", is_admin=True, expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    unit_of_work = shop.process.services.begin(ghost, Origin("request"))

    with pytest.raises(Exception, match="Sign in first"):
        async with unit_of_work:
            unit_of_work.record(NewEvent(EventKind.USER_REGISTERED, AggregateType.USER, uuid4(), 1))

    assert (await shop.counts())["events"] == 0
