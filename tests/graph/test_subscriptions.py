"""Order-status changes, live: in order, filtered, to those who may, from any place in the log on."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from factories.goods import make_variant
from factories.orders import move, place
from factories.people import make_admin, make_customer, make_user
from sqlalchemy import text
from structlog.testing import capture_logs
from support.shop import Shop, Watch
from support.waiting import pass_time, until

from app.settings import Settings
from app.wiring import running
from domain.actor import Actor, Scope
from graph.node import global_id

LIFETIME = timedelta(minutes=15)
"""Of an access token: long enough for whatever a slow machine has to do first."""

WATCH = """
subscription ($after: String, $filter: OrderStatusChangeFilter) {
  orderStatusChanged(after: $after, filter: $filter) {
    cursor occurredAt from to reason actor { username } order { number status version }
  }
}
"""

UNTOLD = """
INSERT INTO pending_events (aggregate_type, aggregate_id, sequence, kind, payload)
VALUES ('ORDER', gen_random_uuid(), 1, 'ORDER_STATUS_CHANGED', '{"from": null, "to": "PENDING"}')
"""


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    await make_variant(shop.database, "MUG", LON=1000)
    return await make_admin(shop.database)


async def changes(watch: Watch, count: int) -> list[dict[str, Any]]:
    return [(await watch.next())["orderStatusChanged"] for _ in range(count)]


async def refusal(watch: Watch) -> tuple[str, str | None]:
    """The code and the cursor that a stream ends with."""
    result = await watch.result()
    [error] = result.errors
    with pytest.raises(StopAsyncIteration):
        await watch.result()
    return error.extensions["code"], error.extensions.get("cursor")


def moves(told: list[dict[str, Any]]) -> list[tuple[str | None, str]]:
    return [(each["from"], each["to"]) for each in told]


async def test_placing_approving_and_cancelling_arrive_in_order(shop: Shop, admin: Actor):
    buyer = await make_user(shop.database)

    async with shop.watching(WATCH, admin) as watch:
        order = await place(shop, buyer, ("MUG", 1))
        [placed] = await changes(watch, 1)
        await move(shop, admin, "approve", order["id"])
        [approved] = await changes(watch, 1)
        await move(shop, admin, "cancel", order["id"], reason="Lost.")
        [cancelled] = await changes(watch, 1)

    told = [placed, approved, cancelled]
    assert moves(told) == [(None, "PENDING"), ("PENDING", "APPROVED"), ("APPROVED", "CANCELLED")]
    assert [each["actor"]["username"] for each in told] == ["buyer", "boss", "boss"]
    assert [each["reason"] for each in told] == [None, None, "Lost."]
    # Read anew for each event: the loaders of the one before would answer with the version before.
    assert [each["order"]["version"] for each in told] == [1, 2, 3]
    assert len({each["cursor"] for each in told}) == 3


FILTERS = [
    (None, 4),
    ({"to": {"eq": "APPROVED"}}, 1),
    ({"to": {"in": ["APPROVED", "REJECTED"]}}, 2),
    ({"from": {"eq": "PENDING"}}, 2),
    ({"from": {"eq": "PENDING"}, "to": {"eq": "REJECTED"}}, 1),
    ({"from": {"eq": None, "in": None}, "to": None}, 4),
    ({"to": {"in": []}}, 0),
    ({"to": {"eq": "SHIPPED"}}, 0),
]


async def test_only_what_passes_the_filter_arrives(shop: Shop, admin: Actor):
    start = await now(shop)
    first, second = [await place(shop, admin, ("MUG", 1)) for _ in range(2)]
    await move(shop, admin, "approve", first["id"])
    await move(shop, admin, "reject", second["id"])
    end = await now(shop)
    brief = replace(admin, expires_at=datetime.now(UTC) + LIFETIME)

    async def count(condition: Any) -> int:
        told = [result async for result in shop.watch(WATCH, brief, after=start, filter=condition)]
        assert [error.extensions for error in told[-1].errors] == [{"code": "UNAUTHENTICATED", "cursor": end}]
        return len(told) - 1

    counting = asyncio.gather(*(count(condition) for condition, _ in FILTERS))
    await end_tokens(shop, len(FILTERS))
    counts = await counting

    assert counts == [expected for _, expected in FILTERS]


async def end_tokens(shop: Shop, watchers: int) -> None:
    """Wait until so many were told all that there is, and then end what they are known by."""
    await until(lambda: len(shop.process.services.streams) == watchers)
    pass_time(LIFETIME.total_seconds())


async def now(shop: Shop) -> str:
    """The cursor of the newest event of the log, once the process has read it."""
    feed: Any = shop.process.services.feed

    async def is_read() -> bool:
        return feed.position == (await shop.counts())["events"]

    await until(is_read)
    return feed.cursor(feed.position)


async def test_those_who_may_not_read_all_orders_are_refused(shop: Shop):
    buyer = await make_user(shop.database)
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_WRITE)

    for viewer, code in ((None, "UNAUTHENTICATED"), (buyer, "FORBIDDEN"), (clerk, "FORBIDDEN")):
        async with aclosing(shop.watch(WATCH, viewer)) as stream:
            assert await refusal(Watch(stream)) == (code, None)


async def test_who_reads_orders_but_not_users_is_not_told_who_did_it(shop: Shop, admin: Actor):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ)

    async with shop.watching(WATCH, clerk) as watch:
        await place(shop, admin, ("MUG", 1))
        [told] = await changes(watch, 1)

    assert (told["actor"], told["order"]["status"]) == (None, "PENDING")


async def test_a_cursor_replays_what_was_missed_and_goes_on_live(shop: Shop, admin: Actor):
    orders = [await place(shop, admin, ("MUG", 1)) for _ in range(3)]
    async with shop.watching(WATCH, admin, after=origin(await now(shop))) as watch:
        first, *_ = await changes(watch, 3)

    async with shop.watching(WATCH, admin, after=first["cursor"]) as watch:
        missed = await changes(watch, 2)
        await move(shop, admin, "approve", orders[0]["id"])
        live = await changes(watch, 1)

    assert [each["order"]["number"] for each in missed] == [order["number"] for order in orders[1:]]
    assert moves(live) == [("PENDING", "APPROVED")]


def origin(cursor: str) -> str:
    """The cursor before the first event of the same log."""
    version, epoch, _ = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(".")
    return base64.urlsafe_b64encode(f"{version}.{epoch}.0".encode()).decode().rstrip("=")


async def test_subscribers_who_resume_while_orders_pour_in_miss_none_and_hear_none_twice(shop: Shop, admin: Actor):
    start = origin(await now(shop))

    async def pour() -> None:
        for _ in range(10):
            await asyncio.gather(*(place(shop, admin, ("MUG", 1)) for _ in range(5)))

    async def listen(patience: int) -> list[str]:
        """Fifty numbers, through as many subscriptions as it takes to hear `patience` events each."""
        heard: list[str] = []
        cursor = start
        while len(heard) < 50:
            async with shop.watching(WATCH, admin, after=cursor) as watch:
                for change in await changes(watch, min(patience, 50 - len(heard))):
                    heard.append(change["order"]["number"])
                    cursor = change["cursor"]
        return heard

    pouring = asyncio.create_task(pour())
    heard = await asyncio.gather(*(listen(patience) for patience in (1, 3, 7, 50)))
    await pouring

    assert len(set(heard[0])) == 50
    assert heard == [heard[0]] * 4


async def test_a_cursor_of_another_log_or_none_at_all_is_refused(shop: Shop, admin: Actor):
    here = await now(shop)
    other = base64.urlsafe_b64encode(b"v1.00000000.0").decode()
    ahead = base64.urlsafe_b64encode(base64.urlsafe_b64decode(origin(here) + "==")[:-1] + b"99999").decode()

    for cursor in (other, ahead, "", "x", "ä", here[:-1], base64.urlsafe_b64encode(b"v1.x.-1").decode()):
        async with aclosing(shop.watch(WATCH, admin, after=cursor)) as stream:
            result = await Watch(stream).result()
            assert [error.extensions for error in result.errors] == [{"code": "INVALID_CURSOR", "field": ["after"]}]


@asynccontextmanager
async def narrow(url: str, directory: Path) -> AsyncGenerator[Shop]:
    """A shop whose subscribers may be three events behind."""
    settings = Settings(
        database_url=url, broadcast_url="memory://", data_dir=directory, live_poll_seconds=0.2, live_queue=3
    )
    async with running(settings) as process:
        yield Shop(process)


async def test_who_falls_too_far_behind_is_told_where_to_resume_and_misses_nothing(fresh_url: str, tmp_path: Path):
    async with narrow(fresh_url, tmp_path) as shop:
        admin = await make_admin(shop.database)
        await make_variant(shop.database, "MUG", LON=1000)

        async with shop.watching(WATCH, admin) as watch:
            first = await place(shop, admin, ("MUG", 1))
            [heard] = await changes(watch, 1)
            missed = [await place(shop, admin, ("MUG", 1)) for _ in range(6)]
            end = await now(shop)
            # It is dropped while it reads nothing.
            await until(lambda: not len(shop.process.services.streams))
            code, cursor = await refusal(watch)
        async with shop.watching(WATCH, admin, after=cursor) as watch:
            told = await changes(watch, 6)

    assert (code, cursor) == ("RESYNC", heard["cursor"])
    assert heard["order"]["number"] == first["number"]
    assert [each["order"]["number"] for each in told] == [order["number"] for order in missed]
    assert told[-1]["cursor"] == end


async def test_the_stream_ends_when_the_token_does(shop: Shop, admin: Actor):
    brief = replace(admin, expires_at=datetime.now(UTC) + LIFETIME)

    await place(shop, admin, ("MUG", 1))
    end = await now(shop)

    async with shop.watching(WATCH, brief) as watch:
        await end_tokens(shop, 1)
        assert await refusal(watch) == ("UNAUTHENTICATED", end)
    assert len(shop.process.services.streams) == 0


async def test_a_token_that_has_ended_already_hears_nothing_of_the_past(shop: Shop, admin: Actor):
    start = origin(await now(shop))
    await place(shop, admin, ("MUG", 1))
    await now(shop)
    ended = replace(admin, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    async with aclosing(shop.watch(WATCH, ended, after=start)) as stream:
        assert await refusal(Watch(stream)) == ("UNAUTHENTICATED", start)


async def test_a_fault_in_a_stream_is_masked_and_told_by_an_id_that_is_nobody_s(shop: Shop, admin: Actor):
    async with shop.watching(WATCH, admin) as watch, shop.watching(WATCH, admin) as another:
        await shop.database.execute(text("ALTER TABLE orders RENAME COLUMN version TO revision"))
        await shop.database.execute(text(UNTOLD))
        with capture_logs() as logs:
            [error] = (await watch.result()).errors
            [same] = (await another.result()).errors

    [told] = {entry["request_id"] for entry in logs if entry["log_level"] == "error"}
    assert UUID(told)
    assert error.extensions == same.extensions == {"code": "INTERNAL_SERVER_ERROR", "requestId": told}
    # It is tried again, for the database might just be restarting.
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["fault"] * 3


async def test_one_order_can_be_watched(shop: Shop, admin: Actor):
    first, second = [await place(shop, admin, ("MUG", 1)) for _ in range(2)]
    query = "subscription ($id: ID!) { orderStatusChanged(filter: {order: {eq: $id}}) { to order { id } } }"

    async with shop.watching(query, admin, id=second["id"]) as watch:
        await move(shop, admin, "approve", first["id"])
        await move(shop, admin, "approve", second["id"])
        told = (await watch.next())["orderStatusChanged"]

    assert told == {"to": "APPROVED", "order": {"id": second["id"]}}


async def test_orders_can_be_watched_by_customer_amount_and_currency(shop: Shop, admin: Actor):
    await make_variant(shop.database, "VASE", price="149.95", LON=9)
    await make_variant(shop.database, "BUST", price="900", currency="EUR", LON=9)
    ada, bob = [await make_customer(shop.database, name) for name in ("Ada", "Bob")]
    start = await now(shop)
    buys = [(ada, "MUG"), (ada, "VASE"), (bob, "VASE"), (bob, "BUST")]
    keys = {who: global_id("Customer", who) for who in (ada, bob)}
    placed = [await place(shop, admin, (sku, 1), customerId=keys[who]) for who, sku in buys]
    # Told by a process of an older version: it says neither who buys nor for how much.
    await shop.database.execute(text(UNTOLD))
    await now(shop)
    query = """
subscription ($after: String, $filter: OrderStatusChangeFilter) {
  orderStatusChanged(after: $after, filter: $filter) { reason }
}
"""
    brief = replace(admin, expires_at=datetime.now(UTC) + LIFETIME)
    conditions: list[tuple[dict[str, Any], int]] = [
        ({"to": {"eq": "PENDING"}}, 5),
        ({"customer": {"eq": keys[ada]}}, 2),
        ({"customer": {"in": [keys[ada], keys[bob]]}}, 4),
        ({"customer": {"in": []}}, 0),
        ({"total": {"gte": "149.95"}}, 3),
        ({"total": {"gte": "149.950"}, "currency": {"eq": "GBP"}}, 2),
        ({"total": {"gte": "149.951"}}, 1),
        ({"total": {"gt": "10", "lt": "900.0"}}, 2),
        ({"total": {"gte": "0"}}, 4),
        ({"currency": {"in": ["EUR", "USD"]}}, 1),
        ({"customer": {"eq": keys[bob]}, "total": {"gte": "100"}, "to": {"eq": "PENDING"}}, 2),
        ({"customer": {"eq": keys[bob]}, "order": {"eq": placed[1]["id"]}}, 0),
    ]

    async def heard(condition: dict[str, Any]) -> int:
        told = [each async for each in shop.watch(query, brief, after=start, filter=condition)]
        assert [each.errors for each in told[:-1]] == [None] * (len(told) - 1)
        return len(told) - 1

    counting = asyncio.gather(*(heard(condition) for condition, _ in conditions))
    await end_tokens(shop, len(conditions))
    counts = await counting

    assert counts == [expected for _, expected in conditions]


async def test_a_filter_by_the_id_of_something_else_is_refused(shop: Shop, admin: Actor):
    order = await place(shop, admin, ("MUG", 1))

    async with aclosing(shop.watch(WATCH, admin, filter={"customer": {"eq": order["id"]}})) as stream:
        result = await Watch(stream).result()

    assert [error.extensions for error in result.errors] == [
        {"code": "BAD_INPUT", "field": ["filter", "customer", "eq"]}
    ]
