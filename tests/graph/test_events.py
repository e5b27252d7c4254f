"""The audit and the history: who may read them, what they tell, and that their cursors are those of the stream."""

from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest
from factories.goods import make_variant
from factories.orders import move, place
from factories.people import make_admin, make_user
from sqlalchemy import text
from support.log import settle
from support.shop import Shop, Watch

from db.event_sequencer import EventSequencer
from domain.actor import Actor, Scope
from graph.node import global_id

EVENTS = """
query ($filter: EventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  events(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { endCursor hasNextPage }
    nodes { id cursor kind aggregateType aggregateId sequence payload requestId occurredAt actor { username } }
  }
}
"""

HISTORY = """
query ($id: ID!) { order(id: $id) { events { kind version from to reason occurredAt actor { username } } } }
"""

WATCH = "subscription ($after: String) { orderStatusChanged(after: $after) { cursor order { id } } }"


@pytest.fixture
async def admin(shop: Shop) -> Actor:
    await make_variant(shop.database, "MUG", LON=100)
    return await make_admin(shop.database)


async def told(shop: Shop, viewer: Actor | None, *, first: int = 100, after: str | None = None, **filters: Any) -> Any:
    """A page of what the log tells of orders, when everything that is committed has its place."""
    await EventSequencer(shop.database).drain()
    filters = {"aggregateType": {"eq": "ORDER"}, **filters}
    return (await shop.get(EVENTS, viewer, first=first, after=after, filter=filters))["events"]


async def test_an_event_tells_who_did_what_to_which_thing(shop: Shop, admin: Actor):
    order = await place(shop, admin, ("MUG", 2))
    await move(shop, admin, "reject", order["id"], reason="No.")

    events = (await told(shop, admin))["nodes"]

    assert [(each["kind"], each["aggregateId"], each["sequence"]) for each in events] == [
        ("ORDER_STATUS_CHANGED", order["id"], 1),
        ("ORDER_STATUS_CHANGED", order["id"], 2),
    ]
    assert [(each["payload"]["from"], each["payload"]["to"], each["payload"]["reason"]) for each in events] == [
        (None, "PENDING", None),
        ("PENDING", "REJECTED", "No."),
    ]
    assert {(each["actor"]["username"], each["requestId"]) for each in events} == {(admin.username, "test-request")}


async def test_each_filter_leaves_what_it_names(shop: Shop, admin: Actor):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_APPROVE, Scope.ORDERS_READ)
    first, second = [await place(shop, admin, ("MUG", 1)) for _ in range(2)]
    await move(shop, clerk, "approve", second["id"])
    before = "2026-01-01T00:00:00Z"

    async def found(**filters: Any) -> list[tuple[str, int]]:
        page = await told(shop, admin, **filters)
        assert page["totalCount"] == len(page["nodes"])
        return [(each["aggregateId"], each["sequence"]) for each in page["nodes"]]

    everything = [(first["id"], 1), (second["id"], 1), (second["id"], 2)]
    assert await found() == everything
    assert await found(kind={"eq": "ORDER_STATUS_CHANGED"}) == everything
    assert await found(kind={"in": ["USER_REGISTERED"]}) == []
    assert await found(aggregateType={"eq": "USER"}) == []
    assert await found(aggregate={"eq": second["id"]}) == everything[1:]
    assert await found(aggregate={"in": [first["id"], global_id("User", UUID(int=1))]}) == everything[:1]
    assert clerk.user_id is not None
    assert await found(actor={"eq": global_id("User", clerk.user_id)}) == everything[2:]
    assert await found(occurredAt={"gte": before}) == everything
    assert await found(occurredAt={"lt": before}) == []


async def test_the_log_is_empty_for_whoever_may_not_read_it(shop: Shop, admin: Actor):
    buyer = await make_user(shop.database, "buyer", Scope.ORDERS_READ)
    auditor = await make_user(shop.database, "auditor", Scope.AUDIT_READ)
    await place(shop, admin, ("MUG", 1))

    counts = [(await told(shop, viewer))["totalCount"] for viewer in (None, buyer, auditor)]

    assert counts == [0, 0, 1]


async def test_a_cursor_of_the_audit_is_one_of_the_stream(shop: Shop, admin: Actor):
    orders = [await place(shop, admin, ("MUG", 1)) for _ in range(3)]
    page = await told(shop, admin, first=1)

    async with aclosing(shop.watch(WATCH, admin, after=page["pageInfo"]["endCursor"])) as stream:
        watch = Watch(stream)
        heard = [(await watch.next())["orderStatusChanged"] for _ in range(2)]
    rest = await told(shop, admin, after=page["nodes"][0]["cursor"])

    assert page["pageInfo"]["hasNextPage"]
    assert [each["order"]["id"] for each in heard] == [order["id"] for order in orders[1:]]
    assert [each["cursor"] for each in rest["nodes"]] == [each["cursor"] for each in heard]


@pytest.mark.parametrize("before", [0, 2])
async def test_the_newest_cursor_is_a_beginning_that_misses_and_repeats_nothing(shop: Shop, admin: Actor, before: int):
    clerk = await make_user(shop.database, "clerk", Scope.ORDERS_READ)
    for _ in range(before):
        await place(shop, admin, ("MUG", 1))

    # What is committed counts, whether or not it has its place in the log yet.
    answer = await shop.run("{ eventCursor }", clerk)
    orders = [await place(shop, admin, ("MUG", 1)) for _ in range(2)]
    async with aclosing(shop.watch(WATCH, clerk, after=answer.data["eventCursor"])) as stream:
        watch = Watch(stream)
        heard = [(await watch.next())["orderStatusChanged"]["order"]["id"] for _ in orders]

    assert heard == [order["id"] for order in orders]
    # A step of the sequencer, and a look at the log.
    assert answer.statements == 2


async def test_a_cursor_whose_events_are_gone_is_expired_for_pages_and_streams(shop: Shop, admin: Actor):
    await place(shop, admin, ("MUG", 1))
    stale = (await told(shop, admin, first=1))["pageInfo"]["endCursor"]
    await place(shop, admin, ("MUG", 1))
    await told(shop, admin)
    await shop.database.execute(text("UPDATE event_log SET low_position = (SELECT max(position) FROM events)"))

    answer = await shop.run(EVENTS, admin, first=1, after=stale)
    async with aclosing(shop.watch(WATCH, admin, after=stale)) as stream:
        refused = await anext(stream)

    expected = {"code": "CURSOR_EXPIRED", "field": ["after"]}
    assert [error["extensions"] for error in answer.errors] == [expected]
    assert [error.extensions for error in refused.errors] == [expected]


async def test_the_history_of_an_order_is_for_those_who_see_the_order(shop: Shop, admin: Actor):
    buyer, other = await make_user(shop.database, "buyer"), await make_user(shop.database, "other")
    order = await place(shop, buyer, ("MUG", 1))
    await move(shop, admin, "approve", order["id"])
    await move(shop, admin, "cancel", order["id"], reason="Lost.")

    histories = [(await shop.get(HISTORY, viewer, id=order["id"]))["order"] for viewer in (admin, buyer, other)]

    facts = [
        [(each["version"], each["from"], each["to"], each["reason"]) for each in history["events"]]
        for history in histories[:2]
    ]
    expected = [(1, None, "PENDING", None), (2, "PENDING", "APPROVED", None), (3, "APPROVED", "CANCELLED", "Lost.")]
    assert facts == [expected, expected]
    assert [each["actor"] and each["actor"]["username"] for each in histories[1]["events"]] == ["buyer", None, None]
    assert histories[2] is None


async def test_the_history_is_the_same_before_and_after_events_get_their_places(shop: Shop, admin: Actor):
    order = await place(shop, admin, ("MUG", 1))
    await settle(shop.database)
    lock = text("SELECT pg_advisory_lock(1163281748)")
    unlock = text("SELECT pg_advisory_unlock(1163281748)")

    async with shop.database.session() as holder:
        await holder.execute(lock)
        await move(shop, admin, "approve", order["id"])
        before = await shop.get(HISTORY, admin, id=order["id"])
        waiting = await shop.scalar("SELECT count(*) FROM pending_events WHERE aggregate_type = 'ORDER'")
        await holder.execute(unlock)
    await EventSequencer(shop.database).drain()

    assert waiting == 1
    assert await shop.get(HISTORY, admin, id=order["id"]) == before
    assert [each["version"] for each in before["order"]["events"]] == [1, 2]
