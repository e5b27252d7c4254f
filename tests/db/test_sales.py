"""The roll-ups of the reports where much happens at once, while they are folded, and where somebody changed them."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from factories.goods import make_variant
from factories.orders import make_adjustment, make_order, make_return
from factories.people import make_customer
from sqlalchemy import text
from support.processes import run
from support.sales import FIRST, compare, rows
from support.waiting import until

from app.rollups import RollUps
from db.engine import Database
from db.sales import correct, fold
from domain.orders.model import OrderStatus
from domain.reports.model import SOLD, Period

PRICES = ("0", "0.001", "2.50", "19.99")
COUNTRIES = (None, "Norway", "France")


@dataclass
class History:
    """Things that happen to a shop, at random but the same each time."""

    database: Database
    dice: random.Random
    variants: list[UUID]
    customers: list[UUID | None]
    orders: list[UUID] = field(default_factory=list[UUID])
    count: int = 0

    async def go_on(self) -> None:
        """One more thing happens."""
        await self.dice.choice(
            (self.place, self.place, self.move, self.move, self.give_back, self.adjust, self.add_line)
        )()

    async def place(self) -> None:
        status = self.dice.choice(list(OrderStatus))
        lines = [
            (self.dice.choice(self.variants), self.dice.randint(1, 5), self.dice.choice(PRICES))
            for _ in range(self.dice.randint(0, 3))
        ]
        made = await make_order(
            self.database,
            self.number("A"),
            customer=self.dice.choice(self.customers),
            status=status,
            placed_at=self.moment(),
            country=self.dice.choice(COUNTRIES),
            currency=self.dice.choice(("GBP", "GBP", "GBP", "EUR")),
            lines=lines,
        )
        self.orders.append(made)

    async def move(self) -> None:
        if self.orders:
            statement = (
                "UPDATE orders SET status = :status, approved_at = CASE WHEN :approves THEN now() END WHERE id = :id"
            )
            status = self.dice.choice(list(OrderStatus))
            values = {"status": status, "approves": status in SOLD, "id": self.dice.choice(self.orders)}
            await self.database.execute(text(statement), values)

    async def add_line(self) -> None:
        if self.orders:
            statement = """
            INSERT INTO order_lines (order_id, position, variant_id, quantity, unit_price, currency)
            SELECT :id, coalesce(max(position), 0) + 1, :variant, 2, 1.5, 'GBP' FROM order_lines WHERE order_id = :id"""
            values = {"id": self.dice.choice(self.orders), "variant": self.dice.choice(self.variants)}
            await self.database.execute(text(statement), values)

    async def give_back(self) -> None:
        lines = [(self.dice.choice(self.variants), 1, self.dice.choice(PRICES))]
        made = await make_return(
            self.database,
            self.number("C"),
            customer=self.dice.choice(self.customers),
            country=self.dice.choice(COUNTRIES),
            returned_at=self.moment(),
            lines=lines,
        )
        if self.dice.random() < 0.5:
            await self.database.execute(text("UPDATE returns SET total = total + 1 WHERE id = :id"), {"id": made})

    async def adjust(self) -> None:
        await make_adjustment(self.database, self.number("B"), amount="-5.25", adjusted_at=self.moment())

    def moment(self) -> datetime:
        return FIRST + timedelta(minutes=self.dice.randrange(12 * 24 * 60))

    def number(self, series: str) -> str:
        self.count += 1
        return f"{series}{self.count}"


async def begun(database: Database, seed: int) -> History:
    variants = [await make_variant(database, f"SKU{number}") for number in range(3)]
    customers = [None, *[await make_customer(database, f"Customer {number}") for number in range(3)]]
    return History(database, random.Random(seed), variants, customers)


async def test_writers_folds_and_a_rebuild_at_once_lose_nothing_and_count_nothing_twice(database: Database):
    histories = [await begun(database, 9)]
    for number in range(1, 4):
        histories.append(History(database, random.Random(number), histories[0].variants, histories[0].customers))
        histories[number].count = number * 1000

    async def write(history: History) -> None:
        for _ in range(40):
            await history.go_on()

    async def disturb() -> None:
        for _ in range(15):
            await asyncio.gather(fold(database), fold(database), rebuild(database))

    await asyncio.gather(disturb(), *map(write, histories))

    await compare(database, Period(date(2026, 10, 20), date(2026, 11, 10), "Europe/London"))
    assert await rebuild(database) == 0
    await fold(database)
    assert await rows(database, "SELECT count(*) FROM pending_sales") == [(0,)]
    assert await rebuild(database) == 0
    await compare(database, Period(date(2026, 10, 20), date(2026, 11, 10), "Asia/Kolkata"))


async def rebuild(database: Database) -> int:
    async with database.transaction() as connection:
        return await correct(connection)


async def test_what_is_noted_is_folded_while_a_server_runs(database: Database):
    history = await begun(database, 1)
    await history.place()
    assert await rows(database, "SELECT count(*) FROM pending_sales") != [(0,)]
    roll_ups = RollUps(database, interval=0.01)

    roll_ups.start()

    async def is_folded() -> bool:
        return await rows(database, "SELECT count(*) FROM pending_sales") == [(0,)]

    await until(is_folded)
    await roll_ups.stop()
    assert await rows(database, "SELECT sum(placed) FROM hourly_sales") == [(1,)]


async def test_orderwire_reports_rebuild_mends_what_was_changed_by_hand(
    database: Database, fresh_url: str, tmp_path: Path
):
    history = await begun(database, 2)
    for _ in range(30):
        await history.go_on()
    period = Period(date(2026, 10, 20), date(2026, 11, 10), "UTC")
    await fold(database)
    await database.execute(text("UPDATE hourly_sales SET gross = gross + 1, orders = orders - 1"))
    await database.execute(text("DELETE FROM daily_customer_sales"))
    [damaged] = await rows(database, "SELECT count(*) FROM hourly_sales")
    [lost] = await rows(
        database,
        "SELECT count(*) FROM (SELECT FROM sales_facts WHERE orders + credit_notes + corrections <> 0"
        " GROUP BY currency, hour::date, country, customer_id) AS parties",
    )

    first = await asyncio.to_thread(run, tmp_path, "reports", "rebuild", database_url=fresh_url)
    second = await asyncio.to_thread(run, tmp_path, "reports", "rebuild", database_url=fresh_url)

    assert (first.returncode, first.stdout) == (0, f"Corrected: {damaged[0] + lost[0]} rows.\n")
    assert (second.returncode, second.stdout) == (0, "The reports agree with the orders.\n")
    await compare(database, period)
