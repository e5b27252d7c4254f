"""The queries behind the reports. Their definitions: domain/reports/model.py and docs/reports.md."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, TextClause, select, text

from db.engine import Database
from db.inventory import stock_levels, to_level
from domain.inventory.model import StockLevel
from domain.money import Money
from domain.reports.model import (
    SOLD,
    CountrySales,
    InventorySummary,
    OrderStats,
    Period,
    ReportInterval,
    SalesFigures,
    SalesReport,
    SalesRow,
    TopProduct,
    TopProductsBy,
)

_SOLD = ", ".join(f"'{status}'" for status in SOLD)

# A day counts by the date that the clocks of the zone show, which is right also where they are put back over
# midnight. The span, a day wider on each side than any zone needs, is there for the indexes.
_SPAN = """
span AS MATERIALIZED (
  SELECT CAST(:start AS date) AS first, CAST(:end AS date) AS last,
         CAST(:start AS date)::timestamp AT TIME ZONE 'UTC' - interval '1 day' AS since,
         CAST(:end AS date)::timestamp AT TIME ZONE 'UTC' + interval '2 days' AS until
)"""


def _within(moment: str) -> str:
    """The condition that a moment falls on one of the days."""
    return f"{moment} >= since AND {moment} < until AND ({moment} AT TIME ZONE :zone)::date BETWEEN first AND last"


_SALES = text(f"""
WITH {_SPAN},
periods AS (
  SELECT generate_series(
    date_trunc(:unit, CAST(:start AS timestamp)), CAST(:end AS timestamp), CAST(:step AS text)::interval
  )::date AS period
),
sold AS (
  SELECT id, date_trunc(:unit, placed_at AT TIME ZONE :zone)::date AS period
  FROM orders, span
  WHERE {_within("placed_at")} AND status IN ({_SOLD}) AND currency = :currency
),
counted AS (SELECT period, count(*) AS orders FROM sold GROUP BY period),
priced AS (
  SELECT period, sum(quantity) AS units, sum(quantity * unit_price) AS gross
  FROM sold JOIN order_lines ON order_id = id
  WHERE unit_price > 0
  GROUP BY period
),
returned AS (
  SELECT date_trunc(:unit, returned_at AT TIME ZONE :zone)::date AS period, sum(total) AS returns
  FROM returns, span
  WHERE {_within("returned_at")} AND currency = :currency
  GROUP BY 1
),
adjusted AS (
  SELECT date_trunc(:unit, adjusted_at AT TIME ZONE :zone)::date AS period, sum(amount) AS adjustments
  FROM adjustments, span
  WHERE {_within("adjusted_at")} AND currency = :currency
  GROUP BY 1
)
SELECT period, coalesce(orders, 0) AS orders, coalesce(units, 0) AS units, coalesce(gross, 0) AS gross,
       coalesce(returns, 0) AS returns, coalesce(adjustments, 0) AS adjustments
FROM periods
LEFT JOIN counted USING (period) LEFT JOIN priced USING (period)
LEFT JOIN returned USING (period) LEFT JOIN adjusted USING (period)
ORDER BY period
""")  # noqa: S608  (only our own status names are put into the text)


def _top_products(by: TopProductsBy) -> TextClause:
    rank = {TopProductsBy.UNITS: "units", TopProductsBy.REVENUE: "gross"}[by]
    return text(f"""
    WITH {_SPAN},
    sold AS (
      SELECT variant_id, sum(quantity) AS units, sum(quantity * unit_price) AS gross
      FROM orders CROSS JOIN span JOIN order_lines ON order_lines.order_id = orders.id
      WHERE {_within("placed_at")} AND status IN ({_SOLD})
        AND orders.currency = :currency AND unit_price > 0
      GROUP BY variant_id
    )
    SELECT variant_id, units, gross
    FROM sold JOIN variants ON variants.id = variant_id
    WHERE kind = 'GOODS'
    ORDER BY {rank} DESC, sku
    LIMIT :first
    """)  # noqa: S608


_TOP_PRODUCTS = {by: _top_products(by) for by in TopProductsBy}

_SALES_BY_COUNTRY = text(f"""
WITH {_SPAN},
sold AS (
  SELECT id, customer_id, coalesce(country, 'Unknown') AS country
  FROM orders, span
  WHERE {_within("placed_at")} AND status IN ({_SOLD}) AND currency = :currency
),
returned AS (
  SELECT customer_id, coalesce(country, 'Unknown') AS country, total
  FROM returns, span
  WHERE {_within("returned_at")} AND currency = :currency
),
counted AS (SELECT country, count(*) AS orders FROM sold GROUP BY country),
priced AS (
  SELECT country, sum(quantity) AS units, sum(quantity * unit_price) AS gross
  FROM sold JOIN order_lines ON order_id = id
  WHERE unit_price > 0
  GROUP BY country
),
credited AS (SELECT country, count(*) AS credit_notes, sum(total) AS returns FROM returned GROUP BY country),
adjusted AS (
  SELECT coalesce(country, 'Unknown') AS country, sum(amount) AS adjustments
  FROM adjustments, span
  WHERE {_within("adjusted_at")} AND currency = :currency
  GROUP BY 1
),
parties AS (
  SELECT country, count(DISTINCT customer_id) AS customers
  FROM (
    SELECT country, customer_id FROM sold
    UNION ALL SELECT country, customer_id FROM returned
    UNION ALL SELECT country, NULL FROM adjusted
  ) AS any_of_them
  GROUP BY country
)
SELECT country, coalesce(orders, 0) AS orders, coalesce(credit_notes, 0) AS credit_notes, customers,
       coalesce(units, 0) AS units, coalesce(gross, 0) AS gross, coalesce(returns, 0) AS returns,
       coalesce(adjustments, 0) AS adjustments
FROM parties
LEFT JOIN counted USING (country) LEFT JOIN priced USING (country)
LEFT JOIN credited USING (country) LEFT JOIN adjusted USING (country)
ORDER BY coalesce(gross, 0) DESC, country COLLATE "C"
""")  # noqa: S608

_ORDER_STATS = text(f"""
WITH {_SPAN}
SELECT count(*) AS total,
       count(*) FILTER (WHERE status = 'PENDING') AS pending,
       count(*) FILTER (WHERE approved_at IS NOT NULL) AS approved,
       count(*) FILTER (WHERE status = 'REJECTED') AS rejected,
       count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled
FROM orders, span
WHERE first IS NULL OR ({_within("placed_at")})
""")  # noqa: S608

_INVENTORY_SUMMARY = text("""
SELECT warehouse_id, count(*) AS variants, sum(on_hand) AS on_hand, sum(reserved) AS reserved,
       count(*) FILTER (WHERE reorder_point > 0 AND on_hand - reserved <= reorder_point) AS low,
       coalesce(sum(on_hand * price) FILTER (WHERE currency = :currency), 0) AS value
FROM stock_levels
JOIN variants ON variants.id = stock_levels.variant_id
JOIN warehouses ON warehouses.id = stock_levels.warehouse_id
GROUP BY warehouse_id, warehouses.code
ORDER BY warehouses.code
""")

_STEPS = {ReportInterval.DAY: "1 day", ReportInterval.WEEK: "7 days", ReportInterval.MONTH: "1 month"}


class SqlReports:
    """Runs each report as one statement, on amounts in the currency of the shop's books."""

    def __init__(self, database: Database, currency: str) -> None:
        self._database, self._currency = database, currency

    async def sales(self, period: Period, interval: ReportInterval) -> SalesReport:
        span = self._span(period) | {"unit": interval.lower(), "step": _STEPS[interval]}
        found = await self._database.read(_SALES, span)
        rows = [
            SalesRow(
                **self._figures(row.orders, row.units, row.gross, row.returns, row.adjustments),
                period=row.period,
            )
            for row in found
        ]
        sums = [sum((getattr(row, name) for row in found), Decimal(0)) for name in _FIGURES]
        return SalesReport(rows, SalesFigures(**self._figures(*sums)))

    async def top_products(self, period: Period, by: TopProductsBy, first: int) -> Sequence[TopProduct]:
        rows = await self._database.read(_TOP_PRODUCTS[by], self._span(period) | {"first": first})
        return [TopProduct(row.variant_id, int(row.units), self._money(row.gross)) for row in rows]

    async def sales_by_country(self, period: Period) -> Sequence[CountrySales]:
        rows = await self._database.read(_SALES_BY_COUNTRY, self._span(period))
        return [self._country(row) for row in rows]

    async def order_stats(self, period: Period | None) -> OrderStats:
        # Without a period nothing reads the dates, but the types of the parameters must still be known.
        span = {"start": None, "end": None, "zone": "UTC"} if period is None else self._span(period)
        row = (await self._database.read(_ORDER_STATS, span))[0]
        decided = row.approved + row.rejected
        rate = (Decimal(row.approved) / decided).quantize(Decimal("0.0001")) if decided else None
        return OrderStats(row.total, row.pending, row.approved, row.rejected, row.cancelled, rate)

    async def inventory_summary(self) -> tuple[InventorySummary, Sequence[InventorySummary]]:
        rows = await self._database.read(_INVENTORY_SUMMARY, {"currency": self._currency})
        parts = [self._summary(row) for row in rows]
        whole = InventorySummary(
            warehouse_id=None,
            variants=sum(part.variants for part in parts),
            on_hand=sum(part.on_hand for part in parts),
            reserved=sum(part.reserved for part in parts),
            available=sum(part.available for part in parts),
            low=sum(part.low for part in parts),
            value=self._money(sum((part.value.amount for part in parts), Decimal(0))),
        )
        return whole, parts

    async def low_stock(self, first: int) -> Sequence[StockLevel]:
        available = stock_levels.c.on_hand - stock_levels.c.reserved
        query = (
            select(stock_levels)
            .where(stock_levels.c.reorder_point > 0, available <= stock_levels.c.reorder_point)
            .order_by(available - stock_levels.c.reorder_point, stock_levels.c.id)
            .limit(first)
        )
        return [to_level(row) for row in await self._database.read(query)]

    def _span(self, period: Period) -> dict[str, Any]:
        return {
            "start": period.start,
            "end": period.end,
            "zone": period.time_zone,
            "currency": self._currency,
        }

    def _money(self, amount: Decimal) -> Money:
        # An empty sum is 0, and is written as every other amount is: with two decimals at least.
        return Money(max(amount, amount.quantize(PENNY), key=_decimals), self._currency)

    def _figures(
        self, orders: Any, units: Any, gross: Decimal, returns: Decimal, adjustments: Decimal
    ) -> dict[str, Any]:
        return {
            "orders": int(orders),
            "units": int(units),
            "gross": self._money(gross),
            "returns": self._money(returns),
            "net": self._money(gross - returns),
            "adjustments": self._money(adjustments),
        }

    def _country(self, row: Row[Any]) -> CountrySales:
        return CountrySales(
            country=row.country,
            orders=row.orders,
            credit_notes=row.credit_notes,
            customers=row.customers,
            units=int(row.units),
            gross=self._money(row.gross),
            returns=self._money(row.returns),
            net=self._money(row.gross - row.returns),
            adjustments=self._money(row.adjustments),
        )

    def _summary(self, row: Row[Any]) -> InventorySummary:
        on_hand, reserved = int(row.on_hand), int(row.reserved)
        available = on_hand - reserved
        value = self._money(row.value)
        return InventorySummary(row.warehouse_id, row.variants, on_hand, reserved, available, row.low, value)


PENNY = Decimal("0.01")


def _decimals(amount: Decimal) -> int:
    return -int(amount.as_tuple().exponent)


_FIGURES = ("orders", "units", "gross", "returns", "adjustments")
