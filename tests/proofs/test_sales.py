"""Sales: whatever happens, and when, each report says what lines, returns and adjustments add up to at that moment."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, count
from typing import Any
from uuid import UUID

import pytest
from factories.goods import make_variant
from factories.orders import make_adjustment, make_order, make_return, move, place
from factories.people import make_admin, make_customer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from support.sales import FIRST, ZONES, compare
from support.shop import Shop, order_id

from db.sales import fold
from domain.actor import Actor
from domain.orders.model import OrderStatus
from domain.reports.model import Period
from graph.node import global_id, key_of

PRICES = {"GRAM": "0.001", "MUG": "19.99", "GIFT": "0"}
EURO_PRICES = {"TASSE": "7.50", "KANNE": "30"}
BUYERS = ("Ada", "Grace")

BULK = "mutation ($input: OrderBulk%(name)sInput!) { orderBulk%(name)s(input: $input) { userErrors { code } } }"

EMPTY = """
TRUNCATE orders, order_lines, returns, return_lines, adjustments, pending_sales, hourly_sales, daily_variant_sales,
  daily_customer_sales CASCADE
"""
ADD_LINE = """
INSERT INTO order_lines (order_id, position, variant_id, quantity, unit_price, currency)
SELECT id, 9, :variant, 2, 1.5, currency FROM orders WHERE id = :id ON CONFLICT DO NOTHING
"""
SEEN = "SELECT status AS name FROM orders UNION ALL SELECT CASE WHEN order_id IS NULL THEN 'CREDIT' END FROM returns"

Lines = Sequence[tuple[str, int]]
"""SKUs and units."""


@dataclass
class History:
    """What has happened to a shop. Whatever is refused changes nothing, and need not be known to be refused."""

    shop: Shop
    admin: Actor
    variants: Mapping[str, UUID]
    customers: Mapping[str, UUID]
    now: datetime = FIRST
    orders: list[UUID] = field(default_factory=list[UUID])
    numbers: "count[int]" = field(default_factory=count)

    async def place(self, lines: Lines, buyer: str, country: str | None) -> None:
        customer = global_id("Customer", self.customers[buyer])
        placed = await place(self.shop, self.admin, *lines, customerId=customer, country=country)
        self.orders.append(key_of(placed["id"], "Order"))

    async def import_order(self, status: OrderStatus, lines: Lines, buyer: str | None, country: str | None) -> None:
        """One that is in its state from the beginning, and may be nobody's."""
        made = await make_order(
            self.shop.database,
            f"A{next(self.numbers)}",
            customer=self.customers.get(buyer or ""),
            status=status,
            placed_at=self.now,
            country=country,
            currency="EUR" if lines[0][0] in EURO_PRICES else "GBP",
            lines=self._priced(lines),
        )
        self.orders.append(made)

    async def move(self, back: int, actions: str, **given: Any) -> None:
        """One action after the other on an order, the newest or one further back."""
        for action in actions.split():
            await move(self.shop, self.admin, action, self._ids[-1 - back % len(self.orders)], **given)

    async def give_back(self, back: int, units: int | None, **given: Any) -> None:
        """All, or some of the first line; what is still here leaves first."""
        await self.move(back, "approve ship")
        await self.move(back, "return", lines=units and [{"position": 1, "quantity": units}], **given)

    async def move_many(self, name: str) -> None:
        await self.shop.get(BULK % {"name": name}, self.admin, input={"ids": self._ids})

    async def add_line(self, back: int) -> None:
        """As the import does, which adds to an order what a later file tells of it."""
        values = {"id": self.orders[-1 - back % len(self.orders)], "variant": self.variants["MUG"]}
        await self.shop.database.execute(text(ADD_LINE), values)

    async def credit(self, lines: Lines, buyer: str | None, country: str | None, more: str) -> None:
        """For an order that nobody knows, and after all it is more."""
        number, customer = f"C{next(self.numbers)}", self.customers.get(buyer or "")
        given: dict[str, Any] = {"customer": customer, "country": country, "returned_at": self.now}
        made = await make_return(self.shop.database, number, lines=self._priced(lines), **given)
        change = f"UPDATE returns SET total = total + {more} WHERE id = :id"
        await self.shop.database.execute(text(change), {"id": made})

    async def adjust(self, amount: str) -> None:
        await make_adjustment(self.shop.database, f"B{next(self.numbers)}", amount=amount, adjusted_at=self.now)

    async def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    async def fold(self) -> None:
        await fold(self.shop.database)

    @property
    def _ids(self) -> list[str]:
        return [order_id(each) for each in self.orders]

    def _priced(self, lines: Lines) -> list[tuple[UUID, int, str]]:
        return [(self.variants[sku], units, {**PRICES, **EURO_PRICES}[sku]) for sku, units in lines]


Event = partial[Awaitable[None]]
"""What is done with a history."""

BACK = st.integers(0, 2)
COUNTRIES = st.sampled_from([None, "Norway"])
IS_REHEARSED = st.sampled_from([False, False, False, True])
LINES = st.one_of(
    st.lists(st.tuples(st.sampled_from([*skus]), st.integers(1, 4)), min_size=1, max_size=3)
    for skus in (PRICES, EURO_PRICES)
)
ANYBODY = st.none() | st.sampled_from(BUYERS)


def event(what: Callable[..., Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.builds(partial, st.just(what), **given)


ORDERS = event(History.place, lines=LINES, buyer=st.sampled_from(BUYERS), country=COUNTRIES) | event(
    History.import_order, status=st.sampled_from(OrderStatus), lines=LINES, buyer=ANYBODY, country=COUNTRIES
)
WAIT = event(History.wait, minutes=st.integers(0, 30 * 60))
EVENTS = st.one_of(
    event(History.fold),
    WAIT,
    event(
        History.move,
        back=BACK,
        actions=st.sampled_from(["approve", "reject", "cancel", "approve ship", "approve ship deliver"]),
        dryRun=IS_REHEARSED,
    ),
    event(
        History.give_back,
        back=BACK,
        units=st.none() | st.integers(1, 2),
        restock=st.booleans(),
        dryRun=IS_REHEARSED,
    ),
    event(History.move_many, name=st.sampled_from(["Approve", "Reject"])),
    event(History.add_line, back=BACK),
    event(History.credit, lines=LINES, buyer=ANYBODY, country=COUNTRIES, more=st.sampled_from(["0", "1"])),
    event(History.adjust, amount=st.sampled_from(["-5.25", "3"])),
)
HISTORIES = st.lists(st.tuples(WAIT, ORDERS, st.lists(EVENTS, max_size=8)).map(lambda each: [*each[:2], *each[2]]))
"""Orders, and what happens to each of them and to those before it until the next one comes."""

PERIODS = st.builds(
    lambda zone, start, days: Period(start, start + timedelta(days=days), zone),
    st.sampled_from(ZONES),
    st.dates(FIRST.date() - timedelta(days=2), FIRST.date() + timedelta(days=2)),
    st.integers(0, 9),
)


async def test_reports_are_right_at_every_moment_of_every_history(
    shop: Shop, seconds: float, record_property: Any, monkeypatch: pytest.MonkeyPatch
):
    prices = [(sku, price, "GBP") for sku, price in PRICES.items()]
    prices += [(sku, price, "EUR") for sku, price in EURO_PRICES.items()]
    variants = {sku: await make_variant(shop.database, sku, *price, LON=100_000) for sku, *price in prices}
    customers = {name: await make_customer(shop.database, name) for name in BUYERS}
    admin, seen = await make_admin(shop.database), Counter[str]()

    async def happen(events: Iterable[Event], period: Period, is_folded: bool) -> None:
        await shop.database.execute(text(EMPTY))
        history = History(shop, admin, variants, customers)
        for module in ("db.orders", "db.returns"):
            monkeypatch.setattr(f"{module}.now", lambda: history.now)
        for each in events:
            await each(history)
            if each.func is History.wait:
                # Nothing is other than it was when it was last compared, but for the time of what comes next.
                continue
            await compare(shop.database, period)
            if is_folded:
                await history.fold()
                await compare(shop.database, period)
        seen.update(row.name or "RETURN" for row in await shop.database.read(text(SEEN)))

    is_long, loop = seconds > 10, asyncio.get_running_loop()

    @settings(
        max_examples=100 if is_long else 30,
        derandomize=not is_long,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(HISTORIES, PERIODS, st.booleans())
    def compared(stories: list[list[Event]], period: Period, is_folded: bool) -> None:
        asyncio.run_coroutine_threadsafe(happen(chain(*stories), period, is_folded), loop).result()

    end = time.monotonic() + seconds
    await asyncio.to_thread(compared)
    while is_long and time.monotonic() < end:
        await asyncio.to_thread(compared)
    # Everything that can happen has.
    assert seen.keys() == {*OrderStatus, "CREDIT", "RETURN"}
    record_property("orders", sum(seen[status] for status in OrderStatus))
    record_property("returns", seen["CREDIT"] + seen["RETURN"])
