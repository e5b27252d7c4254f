"""Chores: what is too old is cancelled or forgotten, once, whichever process gets to it first."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from factories.goods import make_variant
from factories.orders import make_orders, move, place
from factories.people import make_admin, make_customer, make_user
from sqlalchemy import insert, text
from structlog.testing import capture_logs
from support.log import logged, settle
from support.shop import Shop
from support.waiting import until

from app.chores import Chores
from app.settings import Settings
from app.wiring import running, system_unit_of_work
from db.base import new_id
from db.event_sequencer import EventSequencer
from db.housekeeping import Housekeeping
from db.identities import login_attempts, login_codes
from db.tokens import refresh_tokens
from db.unit_of_work import idempotency_keys

AGE = "UPDATE orders SET placed_at = now() - interval '3 hours'"


@pytest.fixture
def settings(fresh_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, pending_order_hours=2)


async def test_an_order_that_is_pending_for_too_long_is_cancelled_and_its_goods_are_free(
    shop: Shop, settings: Settings
):
    buyer, admin = await make_user(shop.database), await make_admin(shop.database)
    await make_variant(shop.database, "MUG", LON=9)
    old, approved = [await place(shop, buyer, ("MUG", 2)) for _ in range(2)]
    await move(shop, admin, "approve", approved["id"])
    await shop.database.execute(text(AGE))
    young = await place(shop, buyer, ("MUG", 1))

    async with running(settings) as process:
        counts = [await process.chores.expire_orders() for _ in range(2)]

    assert counts == [1, 0]
    states = await shop.database.read(text("SELECT number, status, version FROM orders ORDER BY number"))
    assert states == [
        (old["number"], "CANCELLED", 2),
        (approved["number"], "APPROVED", 2),
        (young["number"], "PENDING", 1),
    ]
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 3
    cancelled = "aggregate_type = 'ORDER' AND payload ->> 'to' = 'CANCELLED'"
    [(payload, actor)] = await logged(shop.database, "payload, actor_id", cancelled)
    assert (payload["from"], payload["number"], payload["reason"], actor) == ("PENDING", old["number"], "expired", None)


async def test_without_the_setting_orders_stay_pending(shop: Shop):
    await make_orders(shop.database, 1, [await make_customer(shop.database)])

    await shop.process.chores.do_all()

    assert await shop.scalar("SELECT status FROM orders") == "PENDING"


async def test_two_processes_cancel_each_order_once(shop: Shop, settings: Settings):
    await make_variant(shop.database, "MUG", LON=300)
    await make_orders(shop.database, 120, [await make_customer(shop.database)])
    buyer = await make_user(shop.database)
    await asyncio.gather(*(place(shop, buyer, ("MUG", 1)) for _ in range(10)))
    await shop.database.execute(text(AGE))

    async with running(settings) as one, running(settings) as other:
        counts = await asyncio.gather(one.chores.expire_orders(), other.chores.expire_orders())

    assert sum(counts) == 130
    assert await shop.database.read(text("SELECT DISTINCT status, version FROM orders")) == [("CANCELLED", 2)]
    await settle(shop.database)
    cancelled = "SELECT count(*), count(DISTINCT aggregate_id) FROM events WHERE payload ->> 'to' = 'CANCELLED'"
    assert await shop.database.read(text(cancelled)) == [(130, 130)]
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 0
    assert await shop.scalar("SELECT count(*) FROM stock_movements WHERE kind = 'RELEASE'") == 10


async def test_an_order_that_somebody_is_deciding_on_is_left_to_them(shop: Shop, settings: Settings):
    keys = await make_orders(shop.database, 2, [await make_customer(shop.database)])

    async with running(settings) as process, shop.database.transaction() as connection:
        await connection.execute(text("SELECT * FROM orders WHERE id = :key FOR UPDATE"), {"key": keys[0]})
        done = await process.chores.expire_orders()

    states = await shop.database.read(text("SELECT id, status FROM orders ORDER BY number"))
    assert done == 1
    assert states == [(keys[0], "PENDING"), (keys[1], "CANCELLED")]


async def test_an_order_that_cannot_be_cancelled_holds_up_none_of_those_behind_it(shop: Shop, settings: Settings):
    buyer = await make_user(shop.database)
    for sku in ("CUP", "MUG"):
        await make_variant(shop.database, sku, LON=9)
    placed = [(await place(shop, buyer, (sku, 1)))["number"] for sku in ("CUP", "MUG", "CUP", "CUP", "MUG")]
    await shop.database.execute(text(AGE))
    # What the cups have reserved cannot be given back: nothing is below zero.
    broken = "UPDATE stock_levels SET reserved = 0 WHERE variant_id = (SELECT id FROM variants WHERE sku = 'CUP')"
    await shop.database.execute(text(broken))
    cancelled = text("SELECT number FROM orders WHERE status = 'CANCELLED' ORDER BY number")

    async with running(settings) as process:
        with capture_logs() as logs:
            counts = [await process.chores.expire_orders() for _ in range(2)]
        behind = [row.number for row in await shop.database.read(cancelled)]
        await shop.database.execute(text(broken.replace("reserved = 0", "reserved = 3")))
        counts.append(await process.chores.expire_orders())

    assert counts == [2, 0, 3]
    assert behind == [placed[1], placed[4]]
    told = [(entry["event"], entry["order"]) for entry in logs if entry["log_level"] == "warning"]
    assert told == [("order_not_expired", placed[index]) for index in (0, 2, 3)] * 2
    assert [row.number for row in await shop.database.read(cancelled)] == placed
    assert await shop.scalar("SELECT count(*) FROM reservations") == 0


async def test_a_database_that_is_away_ends_the_search_for_old_orders(shop: Shop, settings: Settings):
    await make_orders(shop.database, 2, [await make_customer(shop.database)])

    async with running(settings) as process:
        await shop.database.execute(text("ALTER TABLE orders RENAME COLUMN notes TO remarks"))
        with capture_logs() as logs:
            await process.chores.do_all()

    told = [(entry["event"], entry.get("chore")) for entry in logs if entry["log_level"] == "warning"]
    assert told == [("chore_failed", "expire_orders")]


async def test_keys_are_forgotten_after_their_time(shop: Shop):
    moment = datetime.now(UTC)
    old, young = uuid4(), uuid4()
    ages = {old: timedelta(hours=24, minutes=1), young: timedelta(hours=23, minutes=59)}
    rows = [
        {"owner": "x", "key": key, "operation": "orderPlace", "digest": "-", "created_at": moment - age}
        for key, age in ages.items()
    ]
    await shop.database.execute(insert(idempotency_keys), rows)

    await shop.process.chores.do_all()

    assert await shop.database.read(text("SELECT key FROM idempotency_keys")) == [(young,)]


async def test_a_key_that_was_forgotten_can_be_used_again(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer, key = await make_user(shop.database), str(uuid4())
    first = await place(shop, buyer, ("MUG", 1), idempotencyKey=key)
    await shop.database.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '2 days'"))

    await shop.process.chores.do_all()
    second = await place(shop, buyer, ("MUG", 2), idempotencyKey=key)

    assert second["id"] != first["id"]


async def test_the_tokens_of_a_sign_in_are_forgotten_once_all_have_expired(shop: Shop):
    user = (await make_user(shop.database)).user_id
    moment = datetime.now(UTC)

    def token(family: UUID, days: int, key: UUID | None = None) -> dict[str, object]:
        key = key or new_id()
        ends = moment + timedelta(days=days)
        return {"id": key, "user_id": user, "family": family, "digest": key.hex, "expires_at": ends}

    dead, alive = new_id(), new_id()
    rows = [token(dead, -3, dead), token(dead, -1), token(alive, -3, alive), token(alive, 1)]
    await shop.database.execute(insert(refresh_tokens), rows)

    await shop.process.chores.do_all()

    # The first token of the living sign-in has expired, and is still the lock of those that follow.
    assert await shop.database.read(text("SELECT family FROM refresh_tokens")) == [(alive,), (alive,)]


async def test_the_chores_are_done_again_and_again_also_after_one_has_failed(shop: Shop, settings: Settings):
    customers = [await make_customer(shop.database)]
    await make_orders(shop.database, 1, customers)
    database = shop.database
    retain = EventSequencer(database).retain
    chores = Chores(settings, Housekeeping(database), lambda: system_unit_of_work(database), retain, interval=0.01)

    async def pending() -> int:
        return await shop.scalar("SELECT count(*) FROM orders WHERE status = 'PENDING'")

    async def is_done() -> bool:
        return await pending() == 0

    await database.execute(text("ALTER TABLE refresh_tokens RENAME TO hidden"))
    chores.start()
    await until(is_done)
    await make_orders(shop.database, 1, customers, start=1)
    await until(is_done)
    await chores.stop()
    await make_orders(shop.database, 1, customers, start=2)

    assert await pending() == 1


async def test_sign_ins_that_nobody_came_back_from_are_forgotten(shop: Shop):
    user = await make_user(shop.database)
    moment = datetime.now(UTC)
    for age, name in ((timedelta(seconds=-1), "old"), (timedelta(minutes=1), "young")):
        expires_at = moment + age
        attempt = {"browser": "b", "provider": "p", "nonce": "n", "verifier": "v", "redirect_uri": "u"}
        await shop.database.execute(insert(login_attempts).values(state=name, expires_at=expires_at, **attempt))
        code = {"code": name, "user_id": user.user_id, "provider": "p", "expires_at": expires_at}
        await shop.database.execute(insert(login_codes).values(**code))

    await shop.process.chores.do_all()

    left = "SELECT state FROM login_attempts UNION ALL SELECT code FROM login_codes"
    assert [row[0] for row in await shop.database.read(text(left))] == ["young", "young"]
