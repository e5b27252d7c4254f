"""Look-ups of many operations at once: they go together, and nobody is told what is somebody else's."""

import asyncio
from typing import Any

import pytest
from factories.orders import make_order
from factories.people import make_admin, make_customer, make_user
from sqlalchemy import text
from structlog.testing import capture_logs
from support.locks import WAITING, until_waiting
from support.shop import Shop
from support.waiting import until

from db.engine import Database
from domain.actor import Actor
from graph.node import global_id

ORDER = "query ($id: ID!) { order(id: $id) { number customer { name } } }"


async def make_orders(shop: Shop, buyer: Actor) -> list[str]:
    """Two orders of a buyer, and one of nobody's."""
    ada = await make_customer(shop.database, "Ada", buyer)
    keys = [await make_order(shop.database, f"A{number}", customer=ada) for number in range(2)]
    return [global_id("Order", key) for key in (*keys, await make_order(shop.database, "B0"))]


def told(number: str, name: str | None) -> dict[str, Any]:
    return {"order": {"number": number, "customer": name and {"name": name}}}


async def test_they_go_together_for_those_with_the_same_rights_and_show_each_what_is_theirs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    buyer = await make_user(shop.database, "buyer")
    admins = [await make_admin(shop.database, name) for name in ("boss", "deputy")]
    viewers = [*admins, buyer, await make_user(shop.database, "stranger")]
    orders = await make_orders(shop, buyer)
    for viewer in viewers:
        await shop.learn(ORDER, viewer, id=orders[0])
    sent: list[str] = []
    fetch = Database.fetch

    async def noted(database: Database, sql: str, *given: Any, **options: Any) -> Any:
        # The log has connections of its own.
        if database is shop.database:
            sent.append(sql)
        return await fetch(database, sql, *given, **options)

    monkeypatch.setattr(Database, "fetch", noted)
    answers = await asyncio.gather(*(shop.run(ORDER, viewer, id=order) for viewer in viewers for order in orders))

    everything = [told("A0", "Ada"), told("A1", "Ada"), told("B0", None)]
    theirs = [*everything[:2], {"order": None}]
    assert [answer.data for answer in answers] == [*everything, *everything, *theirs, *3 * [{"order": None}]]
    assert [answer.statements for answer in answers] == 12 * [1]
    # One of the admins, who see the same, and one of each who sees their own.
    assert len(sent) == 3
    assert len(set(sent)) == 2


async def test_where_their_connection_is_lost_each_is_read_by_itself(shop: Shop):
    admin = await make_admin(shop.database)
    orders = await make_orders(shop, admin)
    await shop.learn(ORDER, admin, id=orders[0])

    with capture_logs() as log:
        async with shop.database.transaction() as connection:
            await connection.execute(text("LOCK TABLE customers"))
            running = asyncio.gather(*(shop.run(ORDER, admin, id=order) for order in orders))
            await until_waiting(shop, 1)
            await shop.scalar(f"SELECT count(pg_terminate_backend(pid)) {WAITING}")
            await until_waiting(shop, 2)
        answers = await running

    assert [answer.data for answer in answers] == [told("A0", "Ada"), told("A1", "Ada"), told("B0", None)]
    assert [answer.errors for answer in answers] == 3 * [[]]
    assert [(each["event"], each["request_id"]) for each in log] == 3 * [("not_written", "test-request")]


async def test_what_everybody_gave_up_holds_no_connection(shop: Shop):
    admin = await make_admin(shop.database)
    orders = await make_orders(shop, admin)
    await shop.learn(ORDER, admin, id=orders[0])

    async with shop.database.transaction() as connection:
        await connection.execute(text("LOCK TABLE customers"))
        running = [asyncio.create_task(shop.run(ORDER, admin, id=order)) for order in orders]
        await until_waiting(shop, 1)
        for each in running:
            each.cancel()
        await asyncio.wait(running)

        # That of the lock is out, and no other.
        await until(lambda: shop.database.pool.taken == 1)
