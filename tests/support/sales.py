"""What each report of sales must say, found out anew in Python.

The oracle reads every row, and knows nothing of hours, days of UTC or notes.
"""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from db.engine import Database
from db.reports import SqlReports
from domain.orders.model import OrderStatus
from domain.reports.model import SOLD, Period, ReportInterval, TopProductsBy

ZONES = ("UTC", "Europe/London", "Asia/Kolkata", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia")
FIRST = datetime(2026, 10, 24, tzinfo=UTC)
"""Clocks change in London on the 25th of October, and in Havana on the 1st of November."""


async def rows(database: Database, query: str) -> Any:
    return await database.read(text(query))


class Oracle:
    """The reports of a shop, from all of its rows."""

    def __init__(self, orders: Any, lines: Any, returns: Any, adjustments: Any, period: Period) -> None:
        zone = ZoneInfo(period.time_zone)
        within = lambda moment: period.start <= moment.astimezone(zone).date() <= period.end  # noqa: E731
        self.zone = zone
        self.placed = [order for order in orders if within(order.placed_at)]
        self.sold = {order.id: order for order in self.placed if order.status in SOLD and order.currency == "GBP"}
        self.lines = [line for line in lines if line.order_id in self.sold and line.unit_price > 0]
        self.returns = [each for each in returns if within(each.returned_at) and each.currency == "GBP"]
        self.adjustments = [each for each in adjustments if within(each.adjusted_at) and each.currency == "GBP"]

    def sales(self) -> dict[date, tuple[Any, ...]]:
        """By day: orders, units, gross, returns, adjustments."""
        days: defaultdict[date, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0), Decimal(0), Decimal(0)])
        for order in self.sold.values():
            days[self.day(order.placed_at)][0] += 1
        for line in self.lines:
            day = days[self.day(self.sold[line.order_id].placed_at)]
            day[1] += line.quantity
            day[2] += line.quantity * line.unit_price
        for each in self.returns:
            days[self.day(each.returned_at)][3] += each.total
        for each in self.adjustments:
            days[self.day(each.adjusted_at)][4] += each.amount
        return {day: tuple(figures) for day, figures in days.items()}

    def top(self) -> dict[UUID, int]:
        units: Counter[UUID] = Counter()
        for line in self.lines:
            units[line.variant_id] += line.quantity
        return dict(units)

    def countries(self) -> dict[str, tuple[int, int, int]]:
        """By country: orders, credit notes, customers."""
        orders = Counter(order.country or "Unknown" for order in self.sold.values())
        notes = Counter(each.country or "Unknown" for each in self.returns)
        others = {each.country or "Unknown" for each in self.adjustments}
        parties = [*self.sold.values(), *self.returns]
        buyers = {(each.country or "Unknown", each.customer_id) for each in parties if each.customer_id}
        customers = Counter(country for country, _ in buyers)
        names = orders.keys() | notes.keys() | others
        return {name: (orders[name], notes[name], customers[name]) for name in names}

    def outcomes(self) -> tuple[int, ...]:
        by_status = Counter(OrderStatus(order.status) for order in self.placed)
        approved = sum(order.approved_at is not None for order in self.placed)
        names = (OrderStatus.PENDING, OrderStatus.REJECTED, OrderStatus.CANCELLED)
        pending, rejected, cancelled = (by_status[name] for name in names)
        return len(self.placed), pending, approved, rejected, cancelled

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()


async def compare(database: Database, period: Period) -> None:
    """Every report says what the oracle says."""
    tables = ("orders", "order_lines", "returns", "adjustments")
    oracle = Oracle(*[await rows(database, f"SELECT * FROM {table}") for table in tables], period)
    reports = SqlReports(database, "GBP")

    sales = await reports.sales(period, ReportInterval.DAY)
    told = {
        row.period: (row.orders, row.units, row.gross.amount, row.returns.amount, row.adjustments.amount)
        for row in sales.rows
    }
    nothing = (0, 0, 0, 0, 0)
    assert {day: figures for day, figures in told.items() if figures != nothing} == {
        day: figures for day, figures in oracle.sales().items() if figures != nothing
    }, period
    top = await reports.top_products(period, TopProductsBy.UNITS, 10)
    assert {each.variant_id: each.units for each in top} == oracle.top(), period
    countries = await reports.sales_by_country(period)
    assert {each.country: (each.orders, each.credit_notes, each.customers) for each in countries} == oracle.countries()
    stats = await reports.order_stats(period)
    assert (stats.total, stats.pending, stats.approved, stats.rejected, stats.cancelled) == oracle.outcomes(), period
