"""An idempotency key makes a request safe to repeat: one effect, one answer, also when two requests race."""

import asyncio
from uuid import uuid4

from factories.goods import make_variant
from factories.orders import move, place, try_place
from factories.people import make_admin, make_user
from support.log import logged
from support.shop import Shop


async def test_the_same_key_and_input_answer_with_the_same_order_and_reserve_once(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer, key = await make_user(shop.database), str(uuid4())

    first = await place(shop, buyer, ("MUG", 3), idempotencyKey=key)
    counts = await shop.counts()
    second = await place(shop, buyer, ("MUG", 3), idempotencyKey=key)

    assert second == first
    assert await shop.counts() == counts
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 3


async def test_ten_requests_that_race_with_one_key_make_one_order(shop: Shop):
    await make_variant(shop.database, "MUG", LON=50)
    buyer, key = await make_user(shop.database), str(uuid4())

    made = await asyncio.gather(*(place(shop, buyer, ("MUG", 3), idempotencyKey=key) for _ in range(10)))

    assert {order["id"] for order in made} == {made[0]["id"]}
    counts = await shop.counts()
    assert (counts["orders"], counts["reservations"], counts["events"], counts["idempotency_keys"]) == (1, 1, 2, 1)
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 3


async def test_another_input_under_the_same_key_is_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer, key = await make_user(shop.database), str(uuid4())
    await place(shop, buyer, ("MUG", 1), idempotencyKey=key)
    before = await shop.counts()

    others = [
        await try_place(shop, buyer, ("MUG", 2), idempotencyKey=key),
        await try_place(shop, buyer, ("MUG", 1), notes="Please.", idempotencyKey=key),
        await try_place(shop, buyer, ("MUG", 1), country="Norway", idempotencyKey=key),
    ]

    conflict = {
        "__typename": "IdempotencyConflict",
        "code": "IDEMPOTENCY_CONFLICT",
        "message": "This idempotency key was used before for another input.",
        "field": ["input", "idempotencyKey"],
    }
    assert others == [{"order": None, "userErrors": [conflict]}] * 3
    assert await shop.counts() == before


async def test_another_operation_under_the_same_key_is_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    admin, key = await make_admin(shop.database), str(uuid4())
    order = await place(shop, admin, ("MUG", 1))
    await move(shop, admin, "approve", order["id"], idempotencyKey=key)

    payload = await move(shop, admin, "cancel", order["id"], idempotencyKey=key)

    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]
    assert await shop.scalar("SELECT status FROM orders") == "APPROVED"


async def test_a_key_belongs_to_its_user(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    key = str(uuid4())

    ours = await place(shop, await make_user(shop.database), ("MUG", 1), idempotencyKey=key)
    theirs = await place(shop, await make_user(shop.database, "other"), ("MUG", 2), idempotencyKey=key)

    assert ours["id"] != theirs["id"]
    assert await shop.scalar("SELECT reserved FROM stock_levels") == 3


async def test_a_refused_request_leaves_its_key_free(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    buyer, key = await make_user(shop.database), str(uuid4())

    refused = await try_place(shop, buyer, ("MUG", 6), idempotencyKey=key)
    kept = (await shop.counts())["idempotency_keys"]
    order = await place(shop, buyer, ("MUG", 5), idempotencyKey=key)

    assert [error["code"] for error in refused["userErrors"]] == ["INSUFFICIENT_STOCK"]
    assert kept == 0
    assert order["status"] == "PENDING"


async def test_a_move_that_is_repeated_with_its_key_is_done_once(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    admin, key = await make_admin(shop.database), str(uuid4())
    order = await place(shop, admin, ("MUG", 1))

    moves = [move(shop, admin, "cancel", order["id"], idempotencyKey=key, expectedVersion=1) for _ in range(5)]
    payloads = await asyncio.gather(*moves)

    assert [payload["userErrors"] for payload in payloads] == [[]] * 5
    assert {payload["order"]["version"] for payload in payloads} == {2}
    counts = await shop.counts()
    assert (counts["events"], counts["stock_movements"]) == (4, 3)


async def test_of_two_approvals_that_race_without_a_key_one_is_refused(shop: Shop):
    await make_variant(shop.database, "MUG", LON=5)
    admin = await make_admin(shop.database)
    order = await place(shop, admin, ("MUG", 1))

    payloads = await asyncio.gather(*(move(shop, admin, "approve", order["id"]) for _ in range(2)))

    codes = sorted(error["code"] for payload in payloads for error in payload["userErrors"])
    assert codes == ["ILLEGAL_TRANSITION"]
    assert len(await logged(shop.database, "id", "aggregate_type = 'ORDER'")) == 2
