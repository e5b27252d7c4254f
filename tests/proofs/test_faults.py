"""What was answered stays, whoever is killed: a server, PostgreSQL or Valkey, by `kill -9` and under load.

Clients place orders and approve them, and ask again with the same idempotency key until they are answered;
subscribers come back with their cursor. Afterwards every order, movement and event is there exactly once, and was
told exactly once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from factories.goods import make_variant
from factories.stock import CONTRADICTIONS
from sqlalchemy import text
from support.cluster import Cluster
from support.cluster import cluster as running_cluster
from support.followers import Follower
from support.log import settle
from support.shoppers import Shopper
from support.waiting import PATIENCE, until

from db.engine import Database
from db.events import EventLog
from db.inventory_verify import find_differences

READY = 10.0
"""Seconds after which everything is ready again, from the moment that what was killed is started again."""

SHOPPERS = 4

STATUS = "subscription ($after: String) { orderStatusChanged(after: $after) { cursor reason to order { number } } }"
STOCK = "subscription ($after: String) { stockChanged(after: $after) { cursor reason onHand stockLevel { id } } }"

HISTORIES = """
SELECT o.id, o.status, array_agg(e.payload->>'to' ORDER BY e.position) AS told,
  (SELECT array_agg(m.kind ORDER BY m.id) FROM stock_movements m WHERE m.order_id = o.id) AS moved
FROM orders o LEFT JOIN events e ON e.aggregate_id = o.id WHERE o.notes = :notes GROUP BY o.id
"""
POSITIONS = "SELECT position FROM events WHERE kind = :kind AND position > :start ORDER BY position"

STEPPING = """
SELECT a.usename FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objid = 1163281748 AND l.granted AND a.wait_event_type = 'Lock'
"""
"""Who is in the middle of a step of the sequencer, and held up in it."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """Two servers of one shop, which has goods to sell."""

    async def stock(url: str) -> None:
        database = Database(url, 1)
        for sku in ("MUG", "CUP", "JUG"):
            await make_variant(database, sku, LON=10_000_000)
        await database.close()

    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        asyncio.run(stock(cluster.database_url))
        yield cluster


@pytest.mark.parametrize("victim", ["api", "postgresql", "valkey"])
async def test_what_was_answered_stays(
    cluster: Cluster, victim: str, seconds: float, record_property: Callable[[str, object], None]
):
    await cluster.whole()
    took: list[float] = []
    async with _load(cluster, victim) as (shoppers, followers):
        # The three victims share the time.
        end = asyncio.get_running_loop().time() + seconds / 3
        while not took or asyncio.get_running_loop().time() < end:
            await _more_orders(shoppers, 3)
            took.append(await cluster.kill_and_restart(victim))
        await _more_orders(shoppers, 3)

    assert max(took) < READY
    record_property("kills", len(took))
    record_property("ready after at most", f"{max(took):.1f} s")
    record_property("orders", sum(len(shopper.placed) for shopper in shoppers))
    record_property("asked again", sum(shopper.retries for shopper in shoppers))
    record_property("events told with errors", sum(follower.partial for follower in followers))
    record_property("subscribers returned", sum(follower.breaks for follower in followers))


async def test_a_server_killed_in_the_middle_of_a_step_leaves_it_to_the_other(cluster: Cluster):
    await cluster.whole()
    token = await cluster.token()
    database, holder = Database(cluster.database_url, 2), await asyncpg.connect(cluster.database_url)
    await settle(database)
    start = await EventLog(database).state()
    urls = [api.socket_url for api in cluster.apis]
    follower = Follower("witness", urls, token, STATUS, after=start.cursor(start.head))
    shopper = Shopper(cluster.apis, token, 0)
    following = asyncio.create_task(follower.follow(lambda event: event["reason"] == "That is all"))
    await shopper.place("before")
    await until(lambda: follower.told)

    async with holder.transaction():
        await holder.execute("LOCK TABLE event_log IN ACCESS EXCLUSIVE MODE")
        order = await shopper.place("in the middle")
        await until(lambda: holder.fetchval(STEPPING))
        stepping = await holder.fetchval(STEPPING)
        await asyncio.to_thread(cluster.api_of(stepping).kill)
        # As when its host goes with it: PostgreSQL itself notices the end of a client only when it has to answer.
        await holder.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", stepping)
        await until(lambda: holder.fetchval(f"SELECT '{stepping}' NOT IN ({STEPPING})"))
        waiting = await holder.fetchval("SELECT count(*) FROM pending_events WHERE kind = 'ORDER_STATUS_CHANGED'")
        told = len(follower.told)
    await until(lambda: len(follower.told) == 2)
    await shopper.cancel(order, "That is all")
    async with asyncio.timeout(PATIENCE):
        await following

    assert (waiting, told) == (1, 1)
    assert [event["to"] for event in follower.told] == ["PENDING", "PENDING", "CANCELLED"]
    await _compare(database, start.head, "ORDER_STATUS_CHANGED", [follower])
    await shopper.leave()
    await holder.close()
    await database.close()


@asynccontextmanager
async def _load(cluster: Cluster, notes: str) -> AsyncGenerator[tuple[list[Shopper], list[Follower]]]:
    """Shoppers and subscribers at work; on exit they come to an end, and everything is counted."""
    token = await cluster.token()
    database = Database(cluster.database_url, 2)
    await settle(database)
    start = await EventLog(database).state()
    urls = [api.socket_url for api in cluster.apis]
    followers = [
        Follower(f"{kind}{leaves}", urls, token, query, after=start.cursor(start.head), leaves_after=leaves)
        for kind, query in (("status", STATUS), ("stock", STOCK))
        for leaves in (0, 30)
    ]
    shoppers = [Shopper(cluster.apis, token, seed) for seed in range(SHOPPERS)]
    over, end = asyncio.Event(), f"The end of {notes}"
    try:
        # Who is surprised by an answer ends the others too.
        async with asyncio.TaskGroup() as group:
            for follower in followers:
                group.create_task(follower.follow(lambda event: event["reason"] == end))
            shopping = [group.create_task(shopper.shop(notes, over)) for shopper in shoppers]
            yield shoppers, followers
            over.set()
            await asyncio.wait(shopping)
            await shoppers[0].cancel(await shoppers[0].place("The last one"), end)
            shoppers[0].placed.pop()
        await _count(database, notes, shoppers)
        await _compare(database, start.head, "ORDER_STATUS_CHANGED", followers[:2])
        await _compare(database, start.head, "STOCK_CHANGED", followers[2:])
    finally:
        await asyncio.gather(*(shopper.leave() for shopper in shoppers))
        await database.close()


async def _count(database: Database, notes: str, shoppers: Sequence[Shopper]) -> None:
    """Each answered request happened exactly once, and nothing else did."""
    rows = await database.read(text(HISTORIES), {"notes": notes})
    assert sorted(row.id for row in rows) == sorted(key for shopper in shoppers for key in shopper.placed)
    assert sorted(row.id for row in rows) == sorted(key for shopper in shoppers for key in shopper.approved)
    assert {(row.status, *row.told) for row in rows} == {("APPROVED", "PENDING", "APPROVED")}
    assert {tuple(row.moved) for row in rows} == {("RESERVATION",)}
    assert await find_differences(database) == []
    assert await database.read(text(CONTRADICTIONS)) == []


async def _compare(database: Database, start: int, kind: str, followers: Sequence[Follower]) -> None:
    """Each subscriber was told each event of a kind exactly once, in the order of the log, which has no gaps."""
    state = await EventLog(database).state()
    assert await database.read(text("SELECT count(*), max(position) FROM events")) == [(state.head, state.head)]
    rows = await database.read(text(POSITIONS), {"kind": kind, "start": start})
    cursors = [state.cursor(row.position) for row in rows]
    for follower in followers:
        assert [event["cursor"] for event in follower.told] == cursors


async def _more_orders(shoppers: Sequence[Shopper], number: int) -> None:
    """Wait until each shopper was told of so many more orders."""
    known = [len(shopper.approved) for shopper in shoppers]

    def are_there() -> bool:
        return all(len(shopper.approved) >= before + number for shopper, before in zip(shoppers, known, strict=True))

    await until(are_there)
