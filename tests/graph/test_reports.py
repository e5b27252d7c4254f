"""The figures of the reports, worked out by hand on a few orders at the edges of days, zones and states."""

from datetime import UTC, datetime
from typing import Any

import pytest
from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import make_adjustment, make_order, make_return
from factories.people import make_admin, make_customer
from sqlalchemy import text
from support.shop import Shop

from domain.actor import Actor
from domain.catalog.model import VariantKind
from domain.orders.model import OrderStatus

SALES = """
query ($from: Date!, $to: Date!, $interval: ReportInterval!, $zone: String! = "Europe/London") {
  reports { sales(from: $from, to: $to, interval: $interval, timeZone: $zone) {
    rows { period orders units gross { amount } returns { amount } net { amount } adjustments { amount } }
    total { orders units gross { amount currencyCode } returns { amount } net { amount } adjustments { amount } }
  } }
}
"""


def at(month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def figures(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(value["amount"] if isinstance(value, dict) else value for value in row.values())


@pytest.fixture
async def boss(shop: Shop) -> Actor:
    return await make_admin(shop.database)


async def report(shop: Shop, boss: Actor, start: str, end: str, interval: str, **given: str) -> Any:
    variables = {"from": start, "to": end, "interval": interval, **given}
    return (await shop.get(SALES, boss, **variables))["reports"]["sales"]


async def test_only_orders_that_were_sold_count_and_only_lines_with_a_price(shop: Shop, boss: Actor):
    mug = await make_variant(shop.database, "MUG")
    for status in OrderStatus:
        await make_order(
            shop.database, status, status=status, placed_at=at(3, 2), lines=[(mug, 2, "1.005"), (mug, 9, "0")]
        )
    await make_order(shop.database, "EUR", status=OrderStatus.SHIPPED, currency="EUR", lines=[(mug, 1, "5")])

    told = await report(shop, boss, "2026-03-02", "2026-03-02", "DAY")

    # Approved, shipped, delivered, returned: two units each at 1.005.
    assert [figures(row) for row in told["rows"]] == [("2026-03-02", 4, 8, "8.040", "0.00", "8.040", "0.00")]
    assert told["total"]["gross"] == {"amount": "8.040", "currencyCode": "GBP"}


async def test_a_day_lasts_from_midnight_to_midnight_in_the_zone(shop: Shop, boss: Actor):
    mug = await make_variant(shop.database, "MUG")
    # In London the clocks go forward on 29 March 2026: that day ends at 23:00 UTC.
    for number, moment in (("A", at(3, 28, 23, 59)), ("B", at(3, 29, 22, 59)), ("C", at(3, 29, 23, 0))):
        await make_order(shop.database, number, status=OrderStatus.DELIVERED, placed_at=moment, lines=[(mug, 1, "1")])

    london = await report(shop, boss, "2026-03-28", "2026-03-30", "DAY")
    utc = await report(shop, boss, "2026-03-28", "2026-03-30", "DAY", zone="UTC")
    tokyo = await report(shop, boss, "2026-03-28", "2026-03-30", "DAY", zone="Asia/Tokyo")

    assert [row["orders"] for row in london["rows"]] == [1, 1, 1]
    assert [row["orders"] for row in utc["rows"]] == [1, 2, 0]
    assert [row["orders"] for row in tokyo["rows"]] == [0, 1, 2]


async def test_an_hour_that_the_clocks_show_twice_counts_for_the_day_they_show(shop: Shop, boss: Actor):
    mug = await make_variant(shop.database, "MUG")
    # In Havana the clocks go back from 1:00 to 0:00 on 1 November 2026: midnight comes at 4:00 and at 5:00 UTC.
    for hour in (3, 4, 5):
        await make_order(
            shop.database,
            f"A{hour}",
            status=OrderStatus.DELIVERED,
            placed_at=at(11, 1, hour, 30),
            lines=[(mug, 1, "1")],
        )

    told = await report(shop, boss, "2026-10-31", "2026-11-01", "DAY", zone="America/Havana")

    assert [(row["period"], row["orders"]) for row in told["rows"]] == [("2026-10-31", 1), ("2026-11-01", 2)]


async def test_weeks_start_on_monday_and_only_the_days_of_the_range_count(shop: Shop, boss: Actor):
    mug = await make_variant(shop.database, "MUG")
    for day in range(1, 32):
        await make_order(
            shop.database, f"A{day}", status=OrderStatus.APPROVED, placed_at=at(3, day), lines=[(mug, 1, "1")]
        )

    weeks = await report(shop, boss, "2026-03-04", "2026-03-16", "WEEK")
    months = await report(shop, boss, "2026-02-27", "2026-04-02", "MONTH")

    assert [(row["period"], row["orders"]) for row in weeks["rows"]] == [
        ("2026-03-02", 5),
        ("2026-03-09", 7),
        ("2026-03-16", 1),
    ]
    assert weeks["total"]["orders"] == 13
    assert [(row["period"], row["orders"]) for row in months["rows"]] == [
        ("2026-02-01", 0),
        ("2026-03-01", 31),
        ("2026-04-01", 0),
    ]


async def test_returns_count_when_they_come_back_and_adjustments_stand_apart(shop: Shop, boss: Actor):
    mug = await make_variant(shop.database, "MUG")
    sold = await make_order(shop.database, status=OrderStatus.RETURNED, placed_at=at(3, 2), lines=[(mug, 3, "10")])
    await make_return(shop.database, "C1", order=sold, returned_at=at(4, 1), lines=[(mug, 1, "10")])
    await make_return(shop.database, "C2", returned_at=at(3, 3), lines=[(mug, 2, "2.50")])
    await make_adjustment(shop.database, amount="-11062.06", adjusted_at=at(3, 4))

    told = await report(shop, boss, "2026-03-01", "2026-04-30", "MONTH")

    assert [figures(row) for row in told["rows"]] == [
        ("2026-03-01", 1, 3, "30.00", "5.00", "25.00", "-11062.06"),
        ("2026-04-01", 0, 0, "0.00", "10.00", "-10.00", "0.00"),
    ]
    assert figures(told["total"]) == (1, 3, "30.00", "15.00", "15.00", "-11062.06")


TOP = """
query ($by: TopProductsBy!, $first: Int! = 10) {
  reports { topProducts(from: "2026-03-01", to: "2026-03-31", by: $by, first: $first) {
    variant { sku } units gross { amount }
  } }
}
"""


async def test_top_products_by_units_and_by_revenue_without_services(shop: Shop, boss: Actor):
    mug, cup, jar = [await make_variant(shop.database, sku) for sku in ("MUG", "CUP", "JAR")]
    post = await make_variant(shop.database, "POST", kind=VariantKind.SERVICE)
    lines = [(mug, 5, "1"), (cup, 1, "9"), (jar, 5, "0.50"), (mug, 1, "1"), (post, 99, "99"), (jar, 7, "0")]
    await make_order(shop.database, status=OrderStatus.SHIPPED, lines=lines)
    await make_order(shop.database, "A2", status=OrderStatus.PENDING, lines=lines)

    units = (await shop.get(TOP, boss, by="UNITS"))["reports"]["topProducts"]
    revenue = (await shop.get(TOP, boss, by="REVENUE", first=2))["reports"]["topProducts"]

    told = [(each["variant"]["sku"], each["units"], each["gross"]["amount"]) for each in units]
    assert told == [("MUG", 6, "6.00"), ("JAR", 5, "2.50"), ("CUP", 1, "9.00")]
    assert [each["variant"]["sku"] for each in revenue] == ["CUP", "MUG"]


async def test_a_wrong_size_is_refused(shop: Shop, boss: Actor):
    low = "query ($first: Int!) { reports { lowStock(first: $first) { onHand } } }"

    answers = [await shop.run(TOP, boss, by="UNITS", first=first) for first in (0, 101, -1)]
    answers += [await shop.run(low, boss, first=first) for first in (0, 101, -1)]

    extensions = [error["extensions"] for answer in answers for error in answer.errors]
    assert extensions == [{"code": "BAD_INPUT", "field": ["first"]}] * 6


async def test_sales_by_country(shop: Shop, boss: Actor):
    mug = await make_variant(shop.database, "MUG")
    ada, bob = [await make_customer(shop.database, name) for name in ("Ada", "Bob")]
    for number, customer, country in (
        ("A1", ada, "Norway"),
        ("A2", ada, "Norway"),
        ("A3", bob, "Norway"),
        ("A4", None, "Norway"),
        ("A5", ada, "EIRE"),
        ("A6", None, None),
    ):
        values = {"customer": customer, "country": country, "status": OrderStatus.DELIVERED}
        await make_order(shop.database, number, **values, lines=[(mug, 1, "2.50")])
    await make_return(shop.database, "C1", customer=bob, country="EIRE", lines=[(mug, 1, "2.50")])
    await make_return(shop.database, "C2", customer=bob, country="Malta", lines=[(mug, 2, "2.50")])

    data = await shop.get(
        '{ reports { salesByCountry(from: "2026-03-01", to: "2026-03-31") {'
        " country orders creditNotes customers units gross { amount } returns { amount } net { amount } } } }",
        boss,
    )

    assert [figures(row) for row in data["reports"]["salesByCountry"]] == [
        ("Norway", 4, 0, 2, 4, "10.00", "0.00", "10.00"),
        ("EIRE", 1, 1, 2, 1, "2.50", "2.50", "0.00"),
        ("Unknown", 1, 0, 0, 1, "2.50", "0.00", "2.50"),
        ("Malta", 0, 1, 1, 0, "0.00", "5.00", "-5.00"),
    ]


STATS = """
query ($from: Date, $to: Date) {
  reports { orderStats(from: $from, to: $to) { total pending approved rejected cancelled approvalRate } }
}
"""


async def test_order_stats_of_all_orders_and_of_a_range(shop: Shop, boss: Actor):
    for index, status in enumerate([*OrderStatus, OrderStatus.REJECTED]):
        await make_order(shop.database, f"A{index}", status=status, placed_at=at(3, 1 + index))
    await make_order(shop.database, "A9", status=OrderStatus.CANCELLED, is_approved=True, placed_at=at(3, 31, 23, 59))

    everything = (await shop.get(STATS, boss))["reports"]["orderStats"]
    march = (await shop.get(STATS, boss, **{"from": "2026-03-31", "to": "2026-03-31"}))["reports"]["orderStats"]
    none = (await shop.get(STATS, boss, **{"from": "2025-03-31", "to": "2025-03-31"}))["reports"]["orderStats"]

    # Approved: approved, shipped, delivered, returned, and the one cancelled after it was approved.
    assert tuple(everything.values()) == (9, 1, 5, 2, 2, "0.7143")
    assert tuple(march.values()) == (1, 0, 1, 0, 1, "1.0000")
    assert tuple(none.values()) == (0, 0, 0, 0, 0, None)


RANGES = [
    ({"from": "2026-03-01"}, "to"),
    ({"to": "2026-03-01"}, "from"),
    ({"from": "2026-03-02", "to": "2026-03-01"}, "to"),
    ({"from": "2026-03-02", "to": "9999-12-31"}, "to"),
    ({"from": "0001-01-01", "to": "2026-03-01"}, "from"),
]


async def test_a_range_that_makes_no_sense_is_refused(shop: Shop, boss: Actor):
    answers = [await shop.run(STATS, boss, **given) for given, _ in RANGES]

    assert [[error["extensions"] for error in answer.errors] for answer in answers] == [
        [{"code": "BAD_INPUT", "field": [field]}] for _, field in RANGES
    ]


async def test_inventory_summary_and_low_stock(shop: Shop, boss: Actor):
    mug, cup = await make_variant(shop.database, "MUG", "2.50"), await make_variant(shop.database, "CUP", "10")
    await make_variant(shop.database, "EUR", currency="EUR", LON=100)
    for variant, code, units, point in ((mug, "LON", 10, 9), (mug, "YRK", 4, 20), (cup, "LON", 3, 0)):
        await make_warehouse(shop.database, code)
        await put_stock(shop.database, variant, code, units, reorder_point=point)
    await shop.database.execute(text("UPDATE stock_levels SET reserved = 1 WHERE on_hand = 10"))

    data = await shop.get(
        "{ reports { inventorySummary { total { ...stock } warehouses { warehouse { code } ...stock } }"
        " lowStock { variant { sku } warehouse { code } available reorderPoint } } }"
        " fragment stock on WarehouseStock { variants onHand reserved available low value { amount } }",
        boss,
    )

    summary = data["reports"]["inventorySummary"]
    assert figures(summary["total"]) == (4, 117, 1, 116, 2, "65.00")
    assert [
        (each["warehouse"]["code"], *figures({name: value for name, value in each.items() if name != "warehouse"}))
        for each in summary["warehouses"]
    ] == [
        ("LON", 3, 113, 1, 112, 1, "55.00"),
        ("YRK", 1, 4, 0, 4, 1, "10.00"),
    ]
    assert data["reports"]["lowStock"] == [
        {"variant": {"sku": "MUG"}, "warehouse": {"code": code}, "available": available, "reorderPoint": point}
        for code, available, point in (("YRK", 4, 20), ("LON", 9, 9))
    ]


async def test_an_empty_shop_has_empty_reports(shop: Shop, boss: Actor):
    data = await shop.get(
        '{ reports { salesByCountry(from: "2026-03-01", to: "2026-03-31") { country }'
        ' topProducts(from: "2026-03-01", to: "2026-03-31") { units } lowStock { onHand }'
        " inventorySummary { total { variants value { amount } } warehouses { low } } } }",
        boss,
    )

    assert data["reports"] == {
        "salesByCountry": [],
        "topProducts": [],
        "lowStock": [],
        "inventorySummary": {"total": {"variants": 0, "value": {"amount": "0.00"}}, "warehouses": []},
    }
