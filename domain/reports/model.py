"""What each report counts. docs/reports.md and the schema say the same in the same words."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.money import Money
from domain.orders.model import OrderStatus
from domain.value import value

SOLD = (OrderStatus.APPROVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.RETURNED)
"""The states in which an order counts as a sale."""


class ReportInterval(StrEnum):
    """How long a row of the sales report is. Weeks start on Monday, as in ISO 8601."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class TopProductsBy(StrEnum):
    """What the top products are ranked by."""

    UNITS = "UNITS"
    REVENUE = "REVENUE"


@value
class Period:
    """Whole days from `start` up to and including `end`, in a time zone of the IANA database."""

    start: date
    end: date
    time_zone: str

    def first_days(self, interval: ReportInterval) -> list[date]:
        """The first days of the days, weeks or months that the period touches, the oldest first."""
        if interval is ReportInterval.MONTH:
            oldest, newest = (12 * day.year + day.month - 1 for day in (self.start, self.end))
            return [date(month // 12, month % 12 + 1, 1) for month in range(oldest, newest + 1)]
        is_week = interval is ReportInterval.WEEK
        oldest = self.start.toordinal() - (self.start.weekday() if is_week else 0)
        return [date.fromordinal(day) for day in range(oldest, self.end.toordinal() + 1, 7 if is_week else 1)]


@value
class SalesFigures:
    """Sales of a period: orders sold, priced units, their value, what came back, and the difference."""

    orders: int
    units: int
    gross: Money
    returns: Money
    net: Money
    adjustments: Money


@value
class SalesRow(SalesFigures):
    """The sales of one day, week or month, which starts on `period`."""

    period: date


@value
class SalesReport:
    """Sales by day, week or month, every row of the range present, and their total."""

    rows: Sequence[SalesRow]
    total: SalesFigures


@value
class TopProduct:
    """A variant with the units sold and their value."""

    variant_id: UUID
    units: int
    gross: Money


@value
class CountrySales:
    """Sales to one country."""

    country: str
    orders: int
    credit_notes: int
    customers: int
    units: int
    gross: Money
    returns: Money
    net: Money
    adjustments: Money


@value
class OrderStats:
    """How many orders there are by outcome."""

    total: int
    pending: int
    approved: int
    rejected: int
    cancelled: int
    approval_rate: Decimal | None


@value
class InventorySummary:
    """Stock in one warehouse, or in all of them where `warehouse_id` is None."""

    warehouse_id: UUID | None
    variants: int
    on_hand: int
    reserved: int
    available: int
    low: int
    value: Money
