"""How subscriptions share their executions, and who is told nothing more."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from factories.goods import make_variant
from factories.orders import move, place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import settle
from support.shop import Shop, Watch
from support.waiting import pass_time, until

from app.settings import Settings
from app.wiring import running
from db.engine import Connection, Database
from db.users import UserReader
from domain.actor import Actor, Scope
from graph.live import subscriber

WATCH = """
subscription ($after: String, $to: [OrderStatus!]) {
  orderStatusChanged(after: $after, filter: {to: {in: $to}}) { cursor to order { number allowedActions { allowed } } }
}
"""


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    await make_variant(shop.database, "MUG", LON=1000)
    return await make_admin(shop.database)


@asynccontextmanager
async def watchers(shop: Shop, *given: tuple[Actor, dict[str, Any]]) -> AsyncGenerator[list[Watch]]:
    """Several subscriptions of various viewers, with various variables."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(shop.watching(WATCH, viewer, **each)) for viewer, each in given]


@contextmanager
def statements(part: str) -> Generator[list[str]]:
    """The statements read with meanwhile that contain a text."""
    sent: list[str] = []
    fetch = Connection.fetch

    async def note(connection: Connection, sql: str, arguments: Sequence[Any], **how: Any) -> Sequence[Any]:
        if part in sql:
            sent.append(sql)
        return await fetch(connection, sql, arguments, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "fetch", note)
        yield sent


async def test_those_who_ask_for_the_same_share_one_execution_wherever_they_began(shop: Shop, admin: Actor):
    deputy = await make_admin(shop.database, "deputy")
    async with shop.watching(WATCH, admin) as watch:
        order = await place(shop, admin, ("MUG", 1))
        cursor = (await watch.next())["orderStatusChanged"]["cursor"]

    given = [(viewer, variables) for viewer in (admin, deputy) for variables in ({}, {"after": cursor}) for _ in "123"]
    async with watchers(shop, *given) as watching:
        with statements("FROM orders \nWHERE orders.id = ANY") as sent:
            await move(shop, admin, "approve", order["id"])
            told = [await watch.next() for watch in watching]
        executions = shop.process.services.streams.executions

    assert (executions, len(told)) == (1, 12)
    assert all(each == told[0] for each in told)
    assert len(sent) == 1
    assert (shop.process.services.streams.executions, len(shop.process.services.streams)) == (0, 0)


async def test_other_variables_rights_or_persons_are_executed_apart(shop: Shop, admin: Actor):
    ann = await make_user(shop.database, "anna", Scope.ORDERS_READ)
    bob = await make_user(shop.database, "bobby", Scope.ORDERS_READ)
    everything = await make_user(shop.database, "everyman", *Scope)
    order = await place(shop, ann, ("MUG", 1))

    given = [(admin, {}), (admin, {"to": ["APPROVED"]}), (ann, {}), (ann, {}), (bob, {}), (everything, {})]
    async with watchers(shop, *given) as watching:
        executions = shop.process.services.streams.executions
        await move(shop, admin, "approve", order["id"])
        told = [(await watch.next())["orderStatusChanged"]["order"]["allowedActions"] for watch in watching]

    assert executions == 5
    # Those who share are those who would be told the same: this order may not be moved by anna, who placed it.
    assert [sum(each["allowed"] for each in actions) for actions in told] == [2, 2, 0, 0, 0, 2]


async def test_a_cursor_s_variable_that_is_used_elsewhere_too_makes_a_difference(shop: Shop, admin: Actor):
    query = """
subscription ($after: String) { orderStatusChanged(after: $after, filter: {currency: {eq: $after}}) { to } }
"""
    async with shop.watching(WATCH, admin) as watch:
        await place(shop, admin, ("MUG", 1))
        cursor = (await watch.next())["orderStatusChanged"]["cursor"]

    async with shop.watching(query, admin) as everything, shop.watching(query, admin, after=cursor) as nothing:
        await place(shop, admin, ("MUG", 1))
        assert (await everything.next())["orderStatusChanged"]["to"] == "PENDING"
        assert shop.process.services.streams.executions == 2
        assert not nothing.first.done()


async def test_variables_that_the_operation_does_not_know_make_no_difference(shop: Shop, admin: Actor):
    deep: list[Any] = []
    for _ in range(9):
        deep = [deep]

    async with watchers(shop, (admin, {}), (admin, {"unknown": deep}), (admin, {"unknown": 1})) as watching:
        assert shop.process.services.streams.executions == 1
        await place(shop, admin, ("MUG", 1))
        assert [(await watch.next())["orderStatusChanged"]["to"] for watch in watching] == ["PENDING"] * 3


def test_who_holds_every_right_and_who_holds_none_are_shown_different_things():
    sights = {
        Actor.anonymous().sight,
        Actor(uuid4(), "everyman", scopes=frozenset(Scope)).sight,
        Actor(uuid4(), "everybody", scopes=frozenset(Scope)).sight,
        Actor(uuid4(), "boss", is_admin=True).sight,
        Actor(uuid4(), "deputy", is_admin=True, scopes=frozenset({Scope.AUDIT_READ})).sight,
    }

    assert len(sights) == 3


async def test_who_joins_while_the_rights_of_others_are_asked_is_not_ended(
    shop: Shop, admin: Actor, monkeypatch: pytest.MonkeyPatch
):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ)
    read = UserReader.by_ids
    are_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(reader: UserReader, viewer: Actor, keys: Sequence[UUID]) -> Any:
        users = await read(reader, viewer, keys)
        if list(keys) == [admin.user_id]:
            are_asked.set()
            await may_answer.wait()
        return users

    async with shop.watching(WATCH, admin) as first:
        monkeypatch.setattr(UserReader, "by_ids", slow)
        await place(shop, admin, ("MUG", 1))
        await are_asked.wait()
        async with shop.watching(WATCH, clerk) as second:
            may_answer.set()
            assert (await first.next())["orderStatusChanged"]["to"] == "PENDING"
            await place(shop, admin, ("MUG", 1))
            assert (await second.next())["orderStatusChanged"]["to"] == "PENDING"


async def refusal(watch: Watch) -> dict[str, Any]:
    """What the error says that a stream ends with."""
    result = await watch.result()
    [error] = result.errors
    with pytest.raises(StopAsyncIteration):
        await watch.result()
    return error.extensions


@pytest.mark.parametrize(
    "withdrawal",
    [
        "DELETE FROM user_roles USING users WHERE user_id = id AND username = 'deputy'",
        "DELETE FROM users WHERE username = 'deputy'",
    ],
)
async def test_an_event_after_a_right_was_withdrawn_is_not_told(shop: Shop, admin: Actor, withdrawal: str):
    deputy = await make_admin(shop.database, "deputy")
    async with watchers(shop, (admin, {}), (deputy, {}), (deputy, {"to": ["PENDING"]})) as (first, second, third):
        await place(shop, admin, ("MUG", 1))
        before = [(await watch.next())["orderStatusChanged"]["cursor"] for watch in (first, second, third)]
        await shop.database.execute(text(withdrawal))
        order = await place(shop, admin, ("MUG", 1))

        assert (await first.next())["orderStatusChanged"]["order"]["number"] == order["number"]
        ends = [await refusal(second), await refusal(third)]

    assert [end["code"] for end in ends] == ["UNAUTHENTICATED"] * 2
    # Stock events stand between the two; the cursor is none behind the event that was withheld.
    assert len(set(before)) == 1
    async with shop.watching(WATCH, admin, after=ends[0]["cursor"]) as watch:
        assert (await watch.next())["orderStatusChanged"]["order"]["number"] == order["number"]


async def test_rights_are_asked_also_where_the_log_before_was_longer(shop: Shop, admin: Actor):
    streams: Any = shop.process.services.streams
    async with shop.watching(WATCH, admin) as watch:
        # As after an outage that brought another database, whose positions are lower.
        streams._checked = 1_000_000
        await shop.database.execute(text("DELETE FROM user_roles"))
        await place(shop, admin, ("MUG", 1))

        assert (await refusal(watch))["code"] == "UNAUTHENTICATED"


async def test_a_scope_that_was_withdrawn_ends_the_stream_and_one_that_was_added_does_not(shop: Shop, admin: Actor):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ)
    async with shop.watching(WATCH, clerk) as watch:
        await shop.database.execute(
            text("UPDATE users SET scopes = array_append(scopes, 'audit:read') WHERE username = 'clerk'")
        )
        await place(shop, admin, ("MUG", 1))
        assert (await watch.next())["orderStatusChanged"]["to"] == "PENDING"
        await shop.database.execute(text("UPDATE users SET scopes = '{audit:read}' WHERE username = 'clerk'"))
        await place(shop, admin, ("MUG", 1))

        assert (await refusal(watch))["code"] == "UNAUTHENTICATED"


async def test_a_token_that_says_too_much_is_told_nothing_of_the_past(shop: Shop, admin: Actor):
    async with shop.watching(WATCH, admin) as watch:
        await place(shop, admin, ("MUG", 1))
        cursor = (await watch.next())["orderStatusChanged"]["cursor"]
    await place(shop, admin, ("MUG", 1))
    await shop.database.execute(text("DELETE FROM user_roles"))

    async with shop.watching(WATCH, admin, after=cursor) as watch:
        assert await refusal(watch) == {"code": "UNAUTHENTICATED", "cursor": cursor}


async def test_who_takes_their_time_to_read_the_past_is_asked_for_their_rights_again(shop: Shop, admin: Actor):
    async with shop.watching(WATCH, admin) as watch:
        await place(shop, admin, ("MUG", 1))
        cursor = (await watch.next())["orderStatusChanged"]["cursor"]
    for _ in "12":
        await place(shop, admin, ("MUG", 1))
    await settle(shop.database)
    feed: Any = shop.process.services.feed
    # Until then it is not the past, but news.
    newest = await shop.scalar("SELECT max(position) FROM events")
    await until(lambda: feed.position == newest)

    async with shop.watching(WATCH, admin, after=cursor) as watch:
        told = (await watch.next())["orderStatusChanged"]["cursor"]
        await shop.database.execute(text("DELETE FROM user_roles"))
        pass_time(2 * subscriber.TRUSTED)
        assert await refusal(watch) == {"code": "UNAUTHENTICATED", "cursor": told}


@pytest.mark.parametrize("alone", [False, True])
async def test_an_event_that_cannot_be_told_is_a_fault_and_left_behind(shop: Shop, admin: Actor, alone: bool):
    async with shop.watching(WATCH, admin) as watch:
        await place(shop, admin, ("MUG", 1))
        cursor = (await watch.next())["orderStatusChanged"]["cursor"]
        if not alone:
            await record(shop.database, {})
            await place(shop, admin, ("MUG", 1))
            assert await codes(watch) == ["INTERNAL_SERVER_ERROR"]
            assert (await watch.next())["orderStatusChanged"]["to"] == "PENDING"
    if alone:
        await record(shop.database, {})
        await place(shop, admin, ("MUG", 1))
        async with shop.watching(WATCH, admin, after=cursor) as watch:
            assert await codes(watch) == ["INTERNAL_SERVER_ERROR"]
            assert (await watch.next())["orderStatusChanged"]["to"] == "PENDING"


HASTE = 0.5
"""Seconds: much more than an event takes that nothing holds up, on a slow machine too."""


async def test_an_event_that_takes_too_long_is_told_as_that_and_left_behind(shop: Shop, admin: Actor):
    hasty = shop.held_to(limits={"operation_seconds": HASTE})
    async with shop.watching(WATCH, admin) as watch:
        await place(shop, admin, ("MUG", 1))
        cursor = (await watch.next())["orderStatusChanged"]["cursor"]
    for _ in range(2):
        await place(shop, admin, ("MUG", 1))

    query = "subscription ($after: String) { orderStatusChanged(after: $after) { order { number } } }"
    watching = hasty.watching(query, admin, after=cursor)
    async with AsyncExitStack() as stack:
        async with shop.database.transaction() as connection:
            await connection.execute(text("LOCK TABLE orders"))
            watch = await stack.enter_async_context(watching)
            assert await codes(watch) == ["OPERATION_TIMEOUT"]
        assert (await watch.next())["orderStatusChanged"]["order"]["number"] == "OW-000003"
        # Who only waits is not hurried.
        waiting = asyncio.create_task(watch.next())
        await until(lambda: len(shop.process.services.streams) == 1)
        await asyncio.wait([waiting], timeout=1.2 * HASTE)
        await place(shop, admin, ("MUG", 1))
        assert (await waiting)["orderStatusChanged"]["order"]["number"] == "OW-000004"


async def record(database: Database, payload: dict[str, Any]) -> None:
    """A change of an order's state that says no more than this."""
    statement = (
        "INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind, payload)"
        " VALUES ('ORDER', gen_random_uuid(), 1, 'ORDER_STATUS_CHANGED', CAST(:payload AS jsonb))"
    )
    await database.execute(text(statement), {"payload": json.dumps(payload)})


async def codes(watch: Watch) -> list[str]:
    return [error.extensions["code"] for error in (await watch.result()).errors]


async def test_the_log_goes_on_while_every_command_waits_for_a_lock(fresh_url: str, tmp_path: Path):
    settings = Settings(
        database_url=fresh_url,
        broadcast_url="memory://",
        data_dir=tmp_path,
        database_pool_size=2,
        live_poll_seconds=0.1,
    )
    elsewhere = Database(fresh_url, 2)
    async with running(settings) as process, AsyncExitStack() as held:
        holder = await held.enter_async_context(elsewhere.transaction())
        shop = Shop(process)
        await make_variant(shop.database, "MUG", LON=10)
        admin = await make_admin(shop.database)
        async with shop.watching("subscription { orderStatusChanged { reason } }", admin) as watch:
            await holder.execute(text("SELECT FROM stock_levels FOR UPDATE"))
            orders = [asyncio.ensure_future(place(shop, admin, ("MUG", 1))) for _ in range(2)]
            await until(lambda: shop.database.pool.taken == 2)
            await record(elsewhere, {"from": None, "to": "PENDING", "reason": "told"})
            told = await watch.next()
            are_waiting = not any(order.done() for order in orders)
            await held.aclose()
            await asyncio.gather(*orders)
    await elsewhere.close()

    assert told == {"orderStatusChanged": {"reason": "told"}}
    assert are_waiting
