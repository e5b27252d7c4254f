"""What one caller may have: a budget, turns, time, and a look at the schema."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from factories.goods import make_variant
from factories.orders import make_order, place
from factories.people import make_admin, make_customer, make_user
from sqlalchemy import text
from structlog.testing import capture_logs
from support.shop import Shop, order_id
from support.waiting import until

from app.graphql.budgets import MemoryBudgets
from app.graphql.limits import limits_of
from app.settings import Settings
from app.wiring import running
from db.engine import Database
from domain.actor import Actor, Origin
from graph.context import Context
from graph.limits.rules import Introspection
from graph.limits.turns import WAITING, NoTurnError, Turns
from graph.schema import build_schema

PAGE = "{ variants(first: 50) { nodes { id } } }"
ORDERS = "{ orders(first: 10) { nodes { number } } }"
PLACE = 'mutation { orderPlace(input: {lines: [{sku: "MUG", quantity: 1}]}) { order { number } } }'
REGISTER = """mutation {
  userRegister(input: {username: "hedwig", email: "hedwig@example.com", password: "correct horse"}) {
    userErrors { code }
  }
}"""
SIGN_IN = """mutation {
  tokenCreate(input: {username: "hedwig", password: "correct horse"}) { user { customer { name } } userErrors { code } }
}"""
WATCH = "subscription { orderStatusChanged { order { number } } }"


class Clock:
    """A clock that goes when it is told to."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strict(shop: Shop, clock: Clock) -> Shop:
    """A shop where each caller may spend 100, and gets 10 back each second."""
    return shop.held_to(budgets=MemoryBudgets(100, 10, clock))


def codes(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer.errors]


async def test_an_answer_tells_what_it_has_cost_and_what_is_left(shop: Shop, strict: Shop, clock: Clock):
    await make_variant(strict.database, "MUG")
    await shop.learn(PAGE)

    answer = await strict.run(PAGE)

    assert answer.errors == []
    moment = datetime.fromtimestamp(clock.now + 0.1, UTC)
    assert answer.cost == {
        "requested": 50,
        "actual": 1,
        "limit": 100,
        "remaining": 99,
        "resetAt": moment.isoformat().replace("+00:00", "Z"),
    }


async def test_whoever_has_spent_the_budget_waits_and_others_do_not(shop: Shop, strict: Shop, clock: Clock):
    buyer, other = await make_user(strict.database, "buyer"), await make_user(strict.database, "other")
    report = "{ reports { orderStats { total } } }"
    for known in (report, report, PAGE, PAGE):
        await shop.run(known)

    # What is refused for want of a right has cost what was asked for all the same.
    spent = [await strict.run(report, buyer) for _ in range(2)]
    beyond = await strict.run(PAGE, buyer)
    others = [await strict.run(PAGE, other), await strict.run(PAGE)]
    clock.now += 5
    later = await strict.run(PAGE, buyer)

    assert [answer.cost["remaining"] for answer in spent] == [50, 0]
    [error] = beyond.errors
    assert error["extensions"] == {
        "code": "BUDGET_SPENT",
        "limit": 100,
        "requested": 50,
        "remaining": 0,
        "retryAfter": 5,
    }
    assert (beyond.data, beyond.statements, beyond.cost["actual"]) == (None, 0, 0)
    assert [each.errors for each in (*others, later)] == [[]] * 3


async def test_strangers_are_told_apart_by_their_network(shop: Shop, strict: Shop):
    page = "{ orders(first: 10) { pageInfo { endCursor } } }"
    await shop.learn(page)

    async def remaining(address: str) -> int:
        context = Context(strict.process.services, Actor.anonymous(), Origin("request", address))
        result = await strict.schema.execute(page, context_value=context)
        assert result.extensions is not None
        return result.extensions["cost"]["remaining"]

    addresses = ["192.0.2.7", "192.0.2.8", "192.0.2.7", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    assert [await remaining(each) for each in addresses] == [90, 90, 80, 90, 80, 90]


async def test_what_a_sign_in_did_not_cost_is_given_back_to_whoever_paid_it(shop: Shop, clock: Clock):
    strict = shop.held_to(budgets=MemoryBudgets(1000, 10, clock))
    await shop.get(REGISTER)
    user = Actor(await strict.scalar("SELECT id FROM users"), "hedwig")
    page = "{ orders(first: 10) { pageInfo { endCursor } } }"
    await shop.learn(SIGN_IN)
    await shop.learn(page)
    before = (await strict.run(page, user)).cost["remaining"]

    signed_in = await strict.run(SIGN_IN)

    assert signed_in.data["tokenCreate"]["userErrors"] == []
    requested, actual = signed_in.cost["requested"], signed_in.cost["actual"]
    assert requested > actual
    # The sign-in is the stranger's.
    assert signed_in.cost["remaining"] == 1000 - actual
    assert before - (await strict.run(page, user)).cost["remaining"] == 10


async def test_to_subscribe_is_paid_once_and_what_is_told_is_free(shop: Shop):
    budgets = MemoryBudgets(100, 1, Clock())
    strict = shop.held_to(budgets=budgets)
    await make_variant(strict.database, "MUG", LON=10)
    admin = await make_admin(strict.database)
    async with shop.watching(WATCH, admin):
        pass

    async with strict.watching(WATCH, admin) as watch:
        for _ in range(3):
            await place(shop, admin, ("MUG", 1))
            result = await watch.result()
            assert (result.errors, "cost" in result.extensions) == (None, False)

        # The subscription, and the order that belongs to it.
        assert budgets.change(f"user:{admin.user_id}", 0).remaining == 100 - 11


async def test_a_subscription_that_cannot_be_paid_does_not_begin(shop: Shop):
    strict = shop.held_to(budgets=MemoryBudgets(10, 1, Clock()))
    admin = await make_admin(strict.database)

    async with strict.watching(WATCH, admin) as watch:
        result = await watch.result()

    assert [error.extensions["code"] for error in result.errors] == ["BUDGET_SPENT"]
    assert len(strict.process.services.streams) == 0


async def test_without_budgets_the_cost_is_told_all_the_same(shop: Shop):
    answer = await shop.held_to(budgets=None).run(PAGE)

    assert answer.cost == {"requested": 50, "actual": 1}


@asynccontextmanager
async def locked(database: Database, *tables: str) -> AsyncGenerator[None]:
    """Nobody else reads or writes some tables for as long as the block lasts."""
    async with database.transaction() as connection:
        await connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
        yield


async def test_of_one_caller_so_many_operations_run_and_the_next_waits_for_a_moment(shop: Shop):
    turns = Turns(2, 0.05)
    strict = shop.held_to(turns=turns)
    admin, other = await make_admin(shop.database), await make_user(shop.database)
    await shop.learn(ORDERS)

    async with locked(shop.database, "orders"):
        running = [asyncio.create_task(strict.run(ORDERS, admin)) for _ in range(2)]
        await until(lambda: len(turns) == 1)
        refused = await strict.run(ORDERS, admin)
        others = await strict.run(PAGE, other)
    answers = await asyncio.gather(*running)

    [error] = refused.errors
    assert error["extensions"] == {"code": "TOO_MANY_OPERATIONS", "limit": 2}
    assert (refused.data, refused.statements, refused.cost["actual"]) == (None, 0, 0)
    assert [each.errors for each in (others, *answers)] == [[]] * 3
    assert len(turns) == 0


async def test_a_turn_that_becomes_free_is_had_by_the_next():
    turns = Turns(1, 5)
    told: list[str] = []

    async def have(name: str) -> None:
        with await turns.take("caller"):
            told.append(name)
            await asyncio.sleep(0)

    with await turns.take("caller"):
        names = [f"next {number}" for number in range(WAITING)]
        waiting = [asyncio.create_task(have(name)) for name in names]
        await asyncio.sleep(0)
        with pytest.raises(NoTurnError):
            await have("too many")
        with await turns.take("another"):
            told.append("first")
    await asyncio.gather(*waiting)

    assert told == ["first", *names]
    assert len(turns) == 0


HASTE = 0.5
"""Seconds: much more than an operation takes that nothing holds up, on a slow machine too."""


async def test_a_query_that_takes_too_long_is_given_up(shop: Shop):
    hasty = shop.held_to(limits={"operation_seconds": HASTE})
    admin = await make_admin(shop.database)

    async with locked(shop.database, "orders"):
        with capture_logs() as logs:
            answer = await hasty.run(ORDERS, admin)

    [error] = answer.errors
    assert error["extensions"] == {"code": "OPERATION_TIMEOUT", "limit": HASTE, "requestId": "test-request"}
    assert answer.data is None
    assert [(entry["event"], entry["request_id"]) for entry in logs] == [("operation_timed_out", "test-request")]
    assert (await hasty.run(PAGE, admin)).errors == []


@pytest.mark.parametrize("is_direct", [True, False])
async def test_what_loaders_read_for_a_query_is_given_up_with_it(shop: Shop, is_direct: bool):
    hasty = shop.held_to(limits={"operation_seconds": HASTE})
    hasty.takes_json, hasty.schema = False, build_schema()
    if not is_direct:
        hasty.schema.direct = None
    admin, customer = await make_admin(shop.database), await make_customer(shop.database)
    order = order_id(await make_order(shop.database, "A1", customer=customer))
    texts = ("{ orders { nodes { customer { name } } } }", "query ($id: ID!) { node(id: $id) { id } }")

    for table, query, variables in zip(("customers", "orders"), texts, ({}, {"id": order}), strict=True):
        async with locked(shop.database, table):
            answer = await hasty.run(query, admin, **variables)

            assert codes(answer) == ["OPERATION_TIMEOUT"]
            assert shop.database.pool.taken == 1


async def test_of_several_nodes_none_is_left_behind_where_another_fails(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    admin, customer = await make_admin(shop.database), await make_customer(shop.database)
    order = order_id(await make_order(shop.database, "A1", customer=customer))
    [node] = (await shop.get("{ customers { nodes { id } } }", admin))["customers"]["nodes"]
    monkeypatch.setattr(type(shop.process.services.readers.orders), "by_ids", None)

    answer = await shop.run("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", admin, ids=[order, node["id"]])

    assert answer.data == {"nodes": [None, node]}
    assert [error["path"] for error in answer.errors] == [["nodes", 0]]
    assert shop.database.pool.taken == 0


async def test_a_mutation_that_takes_too_long_leaves_nothing_behind(shop: Shop):
    hasty = shop.held_to(limits={"operation_seconds": 0.3})
    await make_variant(shop.database, "MUG", LON=5)
    buyer = await make_user(shop.database)
    before = await shop.counts()

    # The order and its lines are written before the stock is asked for.
    async with shop.database.transaction() as connection:
        await connection.execute(text("SELECT * FROM stock_levels FOR UPDATE"))
        answer = await hasty.run(PLACE, buyer)

    assert codes(answer) == ["OPERATION_TIMEOUT"]
    assert await shop.counts() == before
    assert await shop.scalar("SELECT sum(reserved) FROM stock_levels") == 0
    again = await shop.run(PLACE, buyer)
    assert again.data["orderPlace"]["order"] is not None


async def test_reports_may_take_longer_than_the_rest(shop: Shop):
    hasty = shop.held_to(limits={"operation_seconds": 0.05, "report_seconds": 60.0})
    admin = await make_admin(shop.database)

    async with locked(shop.database, "orders", "hourly_sales"):
        slow = asyncio.create_task(hasty.run("{ reports { orderStats { total } } }", admin))
        late = await hasty.run(ORDERS, admin)
        assert not slow.done()
    answer = await slow

    assert codes(late) == ["OPERATION_TIMEOUT"]
    assert answer.errors == []


async def test_the_database_gives_up_by_itself_what_takes_too_long(fresh_url: str, tmp_path: Path):
    settings = Settings(
        database_url=fresh_url,
        broadcast_url="memory://",
        data_dir=tmp_path,
        operation_seconds=HASTE,
        report_seconds=HASTE,
    )
    async with running(settings) as process:
        shop = Shop(process).held_to(limits={"operation_seconds": 60.0, "report_seconds": 60.0})
        admin = await make_admin(shop.database)
        other = Database(fresh_url, 1)
        async with locked(other, "orders", "hourly_sales"):
            answers = [await shop.run(query, admin) for query in (ORDERS, "{ reports { orderStats { total } } }")]
        await other.close()

        assert [codes(answer) for answer in answers] == [["OPERATION_TIMEOUT"]] * 2
        assert [error["extensions"]["requestId"] for each in answers for error in each.errors] == ["test-request"] * 2
        assert (await shop.run(ORDERS, admin)).errors == []


ASKS = (
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Order") { name } }',
    "{ ...F } fragment F on Query { __schema { queryType { name } } }",
)
WRONG = (
    ("{ ordres { totalCount } }", {}, "Cannot query field 'ordres' on type 'Query'."),
    ("{ orders(frist: 1) { totalCount } }", {}, "Unknown argument 'frist' on field 'Query.orders'."),
    (
        "query ($status: OrderStatus!) { orders(filter: {status: {eq: $status}}) { totalCount } }",
        {"status": "PENDNG"},
        "Variable '$status' has invalid value: Value 'PENDNG' does not exist in 'OrderStatus' enum.",
    ),
)
ALLOWED = {
    # Who is told what the schema is like: a stranger, and whoever is signed in.
    Introspection.EVERYONE: (True, True),
    Introspection.SIGNED_IN: (False, True),
    Introspection.NOBODY: (False, False),
}


@pytest.mark.parametrize("introspection", Introspection)
async def test_the_schema_is_told_to_those_who_may_know_it(shop: Shop, introspection: Introspection):
    telling = shop.held_to(limits={"introspection": introspection})
    callers = (Actor.anonymous(), Actor(uuid4(), "somebody"))

    for caller, allowed in zip(callers, ALLOWED[introspection], strict=True):
        asked = [await telling.run(query, caller) for query in ASKS]
        assert [codes(each) for each in asked] == [[] if allowed else ["INTROSPECTION_REFUSED"]] * len(ASKS)
        assert (await telling.run("{ __typename }", caller)).data == {"__typename": "Query"}
        for query, variables, message in WRONG:
            [error] = (await telling.run(query, caller, **variables)).errors
            assert error["message"].startswith(message)
            assert ("Did you mean" in error["message"]) is allowed
            assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_refusal_keeps_the_words_of_whoever_sent_them(shop: Shop):
    telling = shop.held_to(limits={"introspection": Introspection.NOBODY})

    answer = await telling.run('query { order(number: "x", id: "Did you mean y") { id } }')

    assert codes(answer) == ["BAD_INPUT"]


def test_production_tells_the_schema_to_those_who_are_signed_in(monkeypatch: pytest.MonkeyPatch):
    assert limits_of(Settings()).introspection is Introspection.EVERYONE
    monkeypatch.setenv("ORDERWIRE_ENVIRONMENT", "production")
    assert limits_of(Settings()).introspection is Introspection.SIGNED_IN
    monkeypatch.setenv("ORDERWIRE_INTROSPECTION", "nobody")
    assert limits_of(Settings()).introspection is Introspection.NOBODY
