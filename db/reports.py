"""The queries behind the reports. Their definitions: domain/reports/model.py and docs/reports.md."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, TextClause, select, text

from db.engine import Database
from db.inventory import stock_levels, to_level
from db.statements import Row, later
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
  SELECT CAST(:start AS date) AS first, CAST(:end AS date) AS last, since, until,
         -- From `inner_since` to `inner_until` there are whole days of UTC, each well within the days of the zone.
         CASE WHEN inside THEN opens ELSE until END AS inner_since,
         CASE WHEN inside THEN closes ELSE until END AS inner_until
  FROM (
    SELECT CAST(:start AS date)::timestamp AT TIME ZONE 'UTC' - interval '1 day' AS since,
           CAST(:end AS date)::timestamp AT TIME ZONE 'UTC' + interval '2 days' AS until,
           CAST(:start AS date)::timestamp AT TIME ZONE 'UTC' + interval '1 day' AS opens,
           CAST(:end AS date)::timestamp AT TIME ZONE 'UTC' AS closes,
           CAST(:end AS date) > CAST(:start AS date) + 1 AS inside
  ) AS days
)"""

_EDGES = """
edges AS MATERIALIZED (
  SELECT since AS edge_since, inner_since AS edge_until FROM span UNION ALL SELECT inner_until, until FROM span
)"""


def _shown(moment: str) -> str:
    """The date that the clocks of the zone show."""
    return f"(({moment}) AT TIME ZONE :zone)::date"


def _at_edges(moment: str) -> str:
    """The condition that a moment falls on one of the days, and on none of the whole days of UTC within them."""
    return f"{moment} >= edge_since AND {moment} < edge_until AND {_shown(moment)} BETWEEN first AND last"


def _noted(table: str, columns: str, condition: str) -> str:
    """What a roll-up says, and what has been noted since."""
    return f"""
  SELECT {columns} FROM {table}, span WHERE {condition}
  UNION ALL SELECT {columns} FROM pending_sales, span WHERE {condition}"""  # noqa: S608


_LAST_MOMENT = "hour + interval '59 minutes 59.999999 seconds'"


def _by_hour(measures: str, only: str) -> str:
    """CTEs that end with `daily`: measures by the date that the clocks show.

    An hour in which a day of the zone begins (there are some where zones are half an hour apart) is counted anew, from
    the facts themselves; `noted` holds the others. Far from midnight none does: clocks are put to another date near it
    (all but Alaska's of 1867), and to ask the zone once for an hour, not twice (hence OFFSET 0), saves a sixth.
    """
    condition = f"hour >= since AND hour < until {only}"
    return f"""
noted AS MATERIALIZED (
  SELECT hour, shown::date AS day,
         CASE WHEN shown::time BETWEEN '3:00' AND '21:00' THEN shown::date ELSE {_shown(_LAST_MOMENT)} END AS last_day,
         {measures}
  FROM (
    {_noted("hourly_sales", f"hour, hour AT TIME ZONE :zone AS shown, {measures}", condition)}
    OFFSET 0
  ) AS hours
),
split AS MATERIALIZED (SELECT DISTINCT hour AS split_hour FROM noted WHERE day <> last_day),
daily AS (
  SELECT day, {measures} FROM noted WHERE day = last_day"""  # noqa: S608


_SALES = text(f"""
WITH {_SPAN},
{_by_hour("orders, units, gross, returns, adjustments", "AND currency = :currency")}
  UNION ALL
  SELECT {_shown("placed_at")}, 1, coalesce(line.units, 0), coalesce(line.gross, 0), 0, 0
  FROM split JOIN orders ON placed_at >= split_hour AND placed_at < split_hour + interval '1 hour'
  LEFT JOIN LATERAL (
    SELECT sum(quantity) AS units, sum(quantity * unit_price) AS gross
    FROM order_lines WHERE order_id = orders.id AND unit_price > 0
  ) AS line ON true
  WHERE status IN ({_SOLD}) AND currency = :currency
  UNION ALL
  SELECT {_shown("returned_at")}, 0, 0, 0, total, 0
  FROM split JOIN returns ON returned_at >= split_hour AND returned_at < split_hour + interval '1 hour'
  WHERE currency = :currency
  UNION ALL
  SELECT {_shown("adjusted_at")}, 0, 0, 0, 0, amount
  FROM split JOIN adjustments ON adjusted_at >= split_hour AND adjusted_at < split_hour + interval '1 hour'
  WHERE currency = :currency
)
SELECT date_trunc(:unit, day::timestamp)::date AS period, sum(orders) AS orders, sum(units) AS units,
       sum(gross) AS gross, sum(returns) AS returns, sum(adjustments) AS adjustments
FROM daily, span WHERE day BETWEEN first AND last GROUP BY 1
""")  # noqa: S608  (only our own names are put into the text)

_WHOLE_DAYS = """currency = :currency
  AND day >= (inner_since AT TIME ZONE 'UTC')::date AND day < (inner_until AT TIME ZONE 'UTC')::date"""
_WHOLE_HOURS = "currency = :currency AND hour >= inner_since AND hour < inner_until"


def _top_products(by: TopProductsBy) -> TextClause:
    rank = {TopProductsBy.UNITS: "units", TopProductsBy.REVENUE: "gross"}[by]
    return text(f"""
    WITH {_SPAN}, {_EDGES},
    parts AS (
      SELECT variant_id, sum(units) AS units, sum(gross) AS gross
      FROM daily_variant_sales, span WHERE {_WHOLE_DAYS} GROUP BY 1
      UNION ALL
      SELECT variant_id, units, gross FROM pending_sales, span WHERE {_WHOLE_HOURS} AND variant_id IS NOT NULL
      UNION ALL
      SELECT variant_id, quantity, quantity * unit_price
      FROM span CROSS JOIN edges JOIN orders ON {_at_edges("placed_at")} JOIN order_lines ON order_id = orders.id
      WHERE status IN ({_SOLD}) AND orders.currency = :currency AND unit_price > 0
    ),
    sold AS (SELECT variant_id, sum(units) AS units, sum(gross) AS gross FROM parts GROUP BY 1 HAVING sum(units) > 0)
    SELECT variant_id, units, gross
    FROM sold JOIN variants ON variants.id = variant_id
    WHERE kind = 'GOODS'
    ORDER BY {rank} DESC, sku
    LIMIT :first
    """)  # noqa: S608


_TOP_PRODUCTS = {by: _top_products(by) for by in TopProductsBy}

_PARTY = "country, customer_id, orders, units, gross, credit_notes, returns, corrections, adjustments"

_SALES_BY_COUNTRY = text(f"""
WITH {_SPAN}, {_EDGES},
parts AS (
  SELECT {_PARTY} FROM daily_customer_sales, span WHERE {_WHOLE_DAYS}
  UNION ALL
  SELECT {_PARTY} FROM pending_sales, span WHERE {_WHOLE_HOURS}
  UNION ALL
  SELECT country, customer_id, 1, coalesce(line.units, 0), coalesce(line.gross, 0), 0, 0, 0, 0
  FROM span CROSS JOIN edges JOIN orders ON {_at_edges("placed_at")}
  LEFT JOIN LATERAL (
    SELECT sum(quantity) AS units, sum(quantity * unit_price) AS gross
    FROM order_lines WHERE order_id = orders.id AND unit_price > 0
  ) AS line ON true
  WHERE status IN ({_SOLD}) AND currency = :currency
  UNION ALL
  SELECT country, customer_id, 0, 0, 0, 1, total, 0, 0
  FROM span CROSS JOIN edges JOIN returns ON {_at_edges("returned_at")} WHERE currency = :currency
  UNION ALL
  SELECT country, NULL, 0, 0, 0, 0, 0, 1, amount
  FROM span CROSS JOIN edges JOIN adjustments ON {_at_edges("adjusted_at")} WHERE currency = :currency
),
parties AS (
  SELECT coalesce(country, 'Unknown') AS country, customer_id, sum(orders) AS orders, sum(units) AS units,
         sum(gross) AS gross, sum(credit_notes) AS credit_notes, sum(returns) AS returns,
         sum(corrections) AS corrections, sum(adjustments) AS adjustments
  FROM parts GROUP BY 1, 2
)
SELECT country, sum(orders) AS orders, sum(credit_notes) AS credit_notes,
       count(customer_id) FILTER (WHERE orders > 0 OR credit_notes > 0) AS customers,
       sum(units) AS units, sum(gross) AS gross, sum(returns) AS returns, sum(adjustments) AS adjustments
FROM parties
GROUP BY country HAVING sum(orders) > 0 OR sum(credit_notes) > 0 OR sum(corrections) > 0
ORDER BY sum(gross) DESC, country COLLATE "C"
""")  # noqa: S608

_OUTCOMES = "placed, pending, approved, rejected, cancelled"
_OUTCOME_SUMS = """
SELECT coalesce(sum(placed), 0) AS total, coalesce(sum(pending), 0) AS pending, coalesce(sum(approved), 0) AS approved,
       coalesce(sum(rejected), 0) AS rejected, coalesce(sum(cancelled), 0) AS cancelled"""

_ORDER_STATS = text(f"""
{_OUTCOME_SUMS}
FROM (SELECT {_OUTCOMES} FROM hourly_sales UNION ALL SELECT {_OUTCOMES} FROM pending_sales) AS hours
""")  # noqa: S608

_ORDER_STATS_OF_DAYS = text(f"""
WITH {_SPAN},
{_by_hour(_OUTCOMES, "")}
  UNION ALL
  SELECT {_shown("placed_at")}, 1, (status = 'PENDING')::int, (approved_at IS NOT NULL)::int,
         (status = 'REJECTED')::int, (status = 'CANCELLED')::int
  FROM split JOIN orders ON placed_at >= split_hour AND placed_at < split_hour + interval '1 hour'
)
{_OUTCOME_SUMS} FROM daily, span WHERE day BETWEEN first AND last
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

_available = stock_levels.c.on_hand - stock_levels.c.reserved
_LOW_STOCK = (
    select(stock_levels)
    .where(stock_levels.c.reorder_point > 0, _available <= stock_levels.c.reorder_point)
    .order_by(_available - stock_levels.c.reorder_point, stock_levels.c.id)
    .limit(later("first", Integer))
)

_NONE = (0, 0, Decimal(0), Decimal(0), Decimal(0))
"""The figures of a day without sales."""


class SqlReports:
    """Runs each report as one statement, on amounts in the currency of the shop's books."""

    def __init__(self, database: Database, currency: str) -> None:
        self._database, self._currency = database, currency

    async def sales(self, period: Period, interval: ReportInterval) -> SalesReport:
        found = {
            row.period: (row.orders, row.units, row.gross, row.returns, row.adjustments)
            for row in await self._database.read(_SALES, self._span(period) | {"unit": interval.lower()})
        }
        # Days without sales are not asked of the database: most of two years may be such.
        rows = [
            SalesRow(**self._figures(*found.get(first, _NONE)), period=first) for first in period.first_days(interval)
        ]
        total: Any = map(sum, zip(_NONE, *found.values(), strict=True))
        return SalesReport(rows, SalesFigures(**self._figures(*total)))

    async def top_products(self, period: Period, by: TopProductsBy, first: int) -> Sequence[TopProduct]:
        rows = await self._database.read(_TOP_PRODUCTS[by], self._span(period) | {"first": first})
        return [TopProduct(row.variant_id, int(row.units), self._money(row.gross)) for row in rows]

    async def sales_by_country(self, period: Period) -> Sequence[CountrySales]:
        rows = await self._database.read(_SALES_BY_COUNTRY, self._span(period))
        return [self._country(row) for row in rows]

    async def order_stats(self, period: Period | None) -> OrderStats:
        found = (
            self._database.read(_ORDER_STATS)
            if period is None
            else self._database.read(_ORDER_STATS_OF_DAYS, self._span(period))
        )
        total, pending, approved, rejected, cancelled = (int(count) for count in (await found)[0])
        decided = approved + rejected
        rate = (Decimal(approved) / decided).quantize(Decimal("0.0001")) if decided else None
        return OrderStats(total, pending, approved, rejected, cancelled, rate)

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
        return [to_level(row) for row in await self._database.read(_LOW_STOCK, {"first": first})]

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

    def _country(self, row: Row) -> CountrySales:
        return CountrySales(
            country=row.country,
            orders=int(row.orders),
            credit_notes=int(row.credit_notes),
            customers=row.customers,
            units=int(row.units),
            gross=self._money(row.gross),
            returns=self._money(row.returns),
            net=self._money(row.gross - row.returns),
            adjustments=self._money(row.adjustments),
        )

    def _summary(self, row: Row) -> InventorySummary:
        on_hand, reserved = int(row.on_hand), int(row.reserved)
        available = on_hand - reserved
        value = self._money(row.value)
        return InventorySummary(row.warehouse_id, row.variants, on_hand, reserved, available, row.low, value)


PENNY = Decimal("0.01")


def _decimals(amount: Decimal) -> int:
    return -int(amount.as_tuple().exponent)
