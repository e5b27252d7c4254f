"""What reports answer. docs/reports.md defines each figure in the same words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import strawberry

from domain.reports import model
from domain.reports.model import ReportInterval, TopProductsBy
from graph.catalog.types import Variant
from graph.enums import register
from graph.fields import relation
from graph.inventory.types import Warehouse
from graph.node import object_type
from graph.scalars import BigInt
from graph.types import Money

register(
    ReportInterval,
    "How long a row of a report is.",
    {
        ReportInterval.DAY: "From midnight to midnight in the time zone.",
        ReportInterval.WEEK: "From Monday to Sunday, as in ISO 8601.",
        ReportInterval.MONTH: "A calendar month.",
    },
)
register(
    TopProductsBy,
    "What top products are ranked by.",
    {TopProductsBy.UNITS: "Units sold.", TopProductsBy.REVENUE: "The value of the units sold."},
)

ORDERS = (
    "Orders sold: placed in the period and now APPROVED, SHIPPED, DELIVERED or RETURNED. An order that returned"
    " was sold; what came back counts under returns."
)
UNITS = "Units on lines of those orders with a price above zero. Free lines are not sales."
GROSS = "Sum of quantity times unit price over those lines, exact."
RETURNS = "Sum of what was credited for goods taken back in the period, whenever they were sold; positive."
NET = "Gross less returns."
ADJUSTMENTS = "Sum of the corrections of the books in the period, such as bad debts; not part of net."


@strawberry.type
class Figures:
    """The figures of a period."""

    orders: int = strawberry.field(description=ORDERS)
    units: BigInt = strawberry.field(description=UNITS)
    gross: Money = strawberry.field(description=GROSS)
    returns: Money = strawberry.field(description=RETURNS)
    net: Money = strawberry.field(description=NET)
    adjustments: Money = strawberry.field(description=ADJUSTMENTS)


@strawberry.type(description="The sales of a whole range.")
class SalesTotal(Figures):
    """The sums of all rows."""


@strawberry.type(description="The sales of one day, week or month.")
class SalesRow(Figures):
    """One row of the sales report."""

    period: date = strawberry.field(
        description="The first day of the day, week or month; it may lie before `from`, whose days alone count."
    )


@object_type(model.SalesReport, "Sales over a range of days.")
class SalesReport:
    """Rows and their total."""

    rows: list[SalesRow] = strawberry.field(description="One row for each day, week or month, empty ones too.")
    total: SalesTotal = strawberry.field(description="The sum of the rows.")


@object_type(model.TopProduct, "A variant among those sold most.")
class TopProduct:
    """A line of the top products."""

    units: BigInt = strawberry.field(description=UNITS)
    gross: Money = strawberry.field(description=GROSS)
    variant: Variant | None = relation(Variant | None, "variant", "variant_id", "What was sold.")


@object_type(model.CountrySales, "Sales to one country.")
class CountrySales:
    """A line of the sales by country."""

    country: str = strawberry.field(description="As the shop writes it on the order; `Unknown` where it does not.")
    orders: int = strawberry.field(description=ORDERS)
    credit_notes: int = strawberry.field(description="Returns taken back in the period.")
    customers: int = strawberry.field(
        description="Different customers with an order or a return among those. One who is seen with two countries"
        " counts in both; orders without a customer count none."
    )
    units: BigInt = strawberry.field(description=UNITS)
    gross: Money = strawberry.field(description=GROSS)
    returns: Money = strawberry.field(description=RETURNS)
    net: Money = strawberry.field(description=NET)
    adjustments: Money = strawberry.field(description=ADJUSTMENTS)


@object_type(model.OrderStats, "How many orders there are by outcome.")
class OrderStats:
    """Orders by outcome."""

    total: int = strawberry.field(description="All orders placed in the range, whatever their state.")
    pending: int = strawberry.field(description="Those that wait for approval.")
    approved: int = strawberry.field(
        description="Those that were approved, whatever became of them later: shipped, delivered, returned, or"
        " cancelled after approval."
    )
    rejected: int = strawberry.field(description="Those that were turned down.")
    cancelled: int = strawberry.field(
        description="Those that were called off, before approval or after it; the latter count under approved too."
    )
    approval_rate: Decimal | None = strawberry.field(
        description="Approved divided by approved plus rejected, rounded to 4 decimals; null while none is decided."
    )


@object_type(model.InventorySummary, "Stock in one warehouse, or in all of them.")
class WarehouseStock:
    """Sums over stock levels."""

    variants: int = strawberry.field(description="Stock levels: pairs of a variant and a warehouse.")
    on_hand: BigInt = strawberry.field(description="Units in the warehouse.")
    reserved: BigInt = strawberry.field(description="Units of those that are promised to orders.")
    available: BigInt = strawberry.field(description="On hand less reserved.")
    low: int = strawberry.field(description="Levels with a reorder point and not more available than that.")
    value: Money = strawberry.field(description="Sum of units on hand times the list price of today.")
    warehouse: Warehouse | None = relation(
        Warehouse | None, "warehouse", "warehouse_id", "The warehouse; null for all of them."
    )


@dataclass(frozen=True, slots=True)
class StockSummary:
    """The sums of all warehouses, and of each."""

    total: model.InventorySummary
    warehouses: Sequence[model.InventorySummary]


@object_type(StockSummary, "What lies in the warehouses.")
class InventorySummary:
    """All warehouses together, and each."""

    total: WarehouseStock = strawberry.field(description="All warehouses together.")
    warehouses: list[WarehouseStock] = strawberry.field(description="Each warehouse, by code.")
