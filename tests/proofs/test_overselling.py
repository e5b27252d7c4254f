"""Nothing is oversold: 64 buyers at once, from two processes over four pools, and not one unit too many.

In each round half of the buyers want one unit and half want two, as two lines of one, of goods of which 50 are there.
However they race, exactly 50 are then sold: while one unit is left, either a buyer of one is still to come, or all of
them have had theirs, and then the number that is left is even.
"""

import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from factories.goods import make_variant
from factories.orders import PLACE
from factories.people import make_user
from factories.stock import contradictions, levels
from sqlalchemy import text
from support.crowd import Call, Crowd, Reply, crowded_shop
from support.databases import copy_database
from support.shop import Shop

from db.inventory_verify import find_differences
from domain.actor import Actor

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUYERS = 64
UNITS = 50
WAREHOUSES = [{"LON": 50}, {"LON": 20, "YRK": 21, "HUL": 9}, {"LON": 1, "YRK": 1, "HUL": 48}]

Lines = list[tuple[str, int]]

HELD_BY_ORDERS = """
SELECT coalesce(sum(l.quantity), 0)::int AS ordered, count(DISTINCT o.id) AS orders,
  (SELECT coalesce(sum(r.quantity), 0)::int FROM reservations r JOIN stock_levels s ON s.id = r.level_id
   WHERE s.variant_id = v.id) AS held,
  (SELECT coalesce(sum(reserved), 0)::int FROM stock_levels s WHERE s.variant_id = v.id) AS reserved
FROM variants v LEFT JOIN order_lines l ON l.variant_id = v.id LEFT JOIN orders o ON o.id = l.order_id
WHERE v.sku = :sku GROUP BY v.id
"""

WRONGLY_MOVED = """
SELECT o.number FROM orders o
JOIN (SELECT order_id, variant_id, sum(quantity) AS units FROM order_lines GROUP BY 1, 2) l ON l.order_id = o.id
LEFT JOIN (
  SELECT order_id, variant_id, sum(quantity) AS units FROM stock_movements WHERE kind = 'RESERVATION' GROUP BY 1, 2
) m ON m.order_id = o.id AND m.variant_id = l.variant_id
WHERE m.units IS DISTINCT FROM l.units
"""

NEGATIVE = "SELECT count(*) FROM stock_levels WHERE NOT allow_backorder AND (reserved > on_hand OR reserved < 0)"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@dataclass
class Market:
    """A shop, its buyers, and the processes they buy through."""

    shop: Shop
    buyers: list[Actor]
    crowd: Crowd

    async def buy(self, wanted: Callable[[int], Lines], *, locked: bool = True) -> list[Reply]:
        """All buyers order at once; `wanted` says what the buyer of that number wants."""
        calls = [
            Call(buyer, PLACE, {"lines": [{"sku": sku, "quantity": units} for sku, units in wanted(index)]})
            for index, buyer in enumerate(self.buyers)
        ]
        replies = await self.crowd.call(calls, locked=locked)
        assert [reply.errors for reply in replies if reply.errors] == []
        return replies


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Market]:
    url = await copy_database(postgres, template)
    async with crowded_shop(url, tmp_path_factory.mktemp("market")) as (shop, callers):
        buyers = [await make_user(shop.database, f"buyer{index}", is_admin=index % 8 == 0) for index in range(BUYERS)]
        yield Market(shop, buyers, callers)


async def ledger_is_right(shop: Shop) -> None:
    """Whatever was sold: no level is negative, every unit is accounted for, and nobody waited in a circle."""
    assert await shop.scalar(NEGATIVE) == 0
    assert await find_differences(shop.database) == []
    assert await contradictions(shop) == []
    assert await shop.database.read(text(WRONGLY_MOVED)) == []
    assert await shop.scalar(DEADLOCKS) == 0


async def held(shop: Shop, sku: str) -> tuple[int, int, int, int]:
    """The units in order lines, the orders, and the units in reservations and in levels."""
    [row] = await shop.database.read(text(HELD_BY_ORDERS), {"sku": sku})
    return tuple(row)


def one_or_two(sku: str) -> Callable[[int], Lines]:
    """One unit for half of the buyers of each pool, one unit in each of two lines for the others."""
    return lambda index: [(sku, 1)] * (1 + index // 4 % 2)


def refused_for_want_of(replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """The refusals of those who got nothing, each of whom must have been told one thing: that too little is left."""
    refused = [reply.payload for reply in replies if reply.payload["order"] is None]
    assert {error["__typename"] for payload in refused for error in payload["userErrors"]} <= {"InsufficientStock"}
    return [error for payload in refused for error in payload["userErrors"]]


def rounds(seconds: float, at_least: int) -> Iterator[int]:
    """The numbers of the rounds that fit into the time, and of some in any case."""
    end = time.monotonic() + seconds
    return itertools.takewhile(lambda number: number < at_least or time.monotonic() < end, itertools.count())


async def test_of_fifty_units_64_buyers_get_fifty(market: Market, seconds: float, record_property: Any):
    sold: Counter[str] = Counter()
    for number in rounds(seconds / 3, at_least=len(WAREHOUSES)):
        sku = f"FIFTY{number}"
        await make_variant(market.shop.database, sku, **WAREHOUSES[number % len(WAREHOUSES)])

        replies = await market.buy(one_or_two(sku))

        refusals = refused_for_want_of(replies)
        placed = [index for index, reply in enumerate(replies) if reply.payload["order"]]
        units = sum(len(one_or_two(sku)(index)) for index in placed)
        assert (units, len(placed) + len(refusals)) == (UNITS, BUYERS)
        assert all(error["sku"] == sku and error["available"] < error["requested"] for error in refusals)
        assert await held(market.shop, sku) == (UNITS, len(placed), UNITS, UNITS)
        sold += {"rounds": 1, "sold": units, "refused": len(refusals)}
    await ledger_is_right(market.shop)
    for name, count in sold.items():
        record_property(name, count)


async def test_lines_in_opposite_orders_neither_deadlock_nor_oversell(
    market: Market, seconds: float, record_property: Any
):
    for number in rounds(seconds / 6, at_least=1):
        # Levels are locked in the order of their keys: now the first SKU has the lower one, now the second.
        skus = [f"{name}{number}" for name in ("CUP", "SAUCER")]
        for sku in skus[:: 1 if number % 2 else -1]:
            await make_variant(market.shop.database, sku, **WAREHOUSES[number % len(WAREHOUSES)])

        replies = await market.buy(lambda index, skus=skus: [(sku, 1) for sku in skus[:: 1 if index // 4 % 2 else -1]])

        refused_for_want_of(replies)
        assert [await held(market.shop, sku) for sku in skus] == [(UNITS, UNITS, UNITS, UNITS)] * 2
    await ledger_is_right(market.shop)
    record_property("rounds", number + 1)


async def test_what_may_be_promised_ahead_goes_below_nothing(market: Market):
    key = await make_variant(market.shop.database, "AHEAD", **WAREHOUSES[1])
    await market.shop.database.execute(text("UPDATE variants SET allow_backorder = true WHERE id = :key"), {"key": key})

    replies = await market.buy(one_or_two("AHEAD"))

    assert refused_for_want_of(replies) == []
    assert await held(market.shop, "AHEAD") == (96, BUYERS, 96, 96)
    # All that is missing is promised by the first warehouse.
    of_ahead = [
        (code, on_hand - reserved) for sku, code, on_hand, reserved in await levels(market.shop) if sku == "AHEAD"
    ]
    assert of_ahead == [("HUL", 0), ("LON", UNITS - 96), ("YRK", 0)]
    await ledger_is_right(market.shop)


async def test_without_the_lock_the_same_buyers_are_seen_to_be_oversold(market: Market, record_property: Any):
    """The control, which runs last: if this stopped failing, the proofs above would prove nothing."""
    await make_variant(market.shop.database, "NAIVE", **WAREHOUSES[0])

    replies = await market.buy(one_or_two("NAIVE"), locked=False)

    units = sum(len(one_or_two("NAIVE")(index)) for index, reply in enumerate(replies) if reply.payload["order"])
    assert units > UNITS
    assert [each.sku for each in await find_differences(market.shop.database)] == ["NAIVE"]
    record_property("sold of 50 without the lock", units)
