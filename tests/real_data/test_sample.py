"""The first 2,000 invoices, imported and read back through GraphQL, give every expected figure."""

import json
import re
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from real_data.conftest import ADMIN, DATA
from real_data.figures import Line, counts, digests, ranked, three_decimals, units, value
from real_data.reports import COUNTRIES, SALES, TOP
from support.shop import Shop

GOODS = re.compile(r"[0-9]{5}[A-Za-z]{0,2}")

LISTS = """
{
  orders { totalCount }
  returns { totalCount }
  adjustments { totalCount }
  customers { totalCount }
  products { totalCount }
  goods: variants(filter: {kind: {eq: GOODS}}) { totalCount }
  services: variants(filter: {kind: {eq: SERVICE}}) { totalCount }
  writeOffs: stockMovements(filter: {kind: {eq: WRITE_OFF}}) { totalCount }
  below: stockLevels(filter: {onHand: {lt: 0}}) { totalCount }
}
"""


@pytest.fixture(scope="module")
def expected() -> Any:
    return json.loads((DATA / "expected.sample-2000.json").read_text())


async def test_the_lists_have_as_many_things_as_the_file(sample: Shop, expected: Any) -> None:
    lists = await sample.get(LISTS, ADMIN)

    count = {name: connection["totalCount"] for name, connection in lists.items()}
    figures = expected["counts"]
    # Each write-off stands on an invoice of its own, which makes no order: docs/import.md.
    assert count["orders"] + count["writeOffs"] == figures["sale_invoices"]
    assert count["writeOffs"] == figures["write_off_lines"]
    assert count["returns"] == figures["cancellation_invoices"]
    assert count["adjustments"] == figures["adjustment_lines"]
    assert count["customers"] == figures["customers"]
    assert count["products"] == figures["stock_codes"]
    assert count["goods"] == figures["product_codes"]
    assert count["services"] == figures["non_product_codes"]
    assert count["below"] == 0


def test_every_line_comes_back_as_it_was(sample_lines: list[Line], expected: Any) -> None:
    lines = sample_lines

    known = counts(lines)
    assert known == {name: expected["counts"][name] for name in known}
    assert digests(lines) == expected["digests"]
    sales = [line for line in lines if line.kind == "sale"]
    goods = [line for line in sales if GOODS.fullmatch(line.sku)]
    money = {
        "gross_all": three_decimals(value(lines)),
        "gross_sales": three_decimals(value(sales)),
        "cancelled_value": three_decimals(value(line for line in lines if line.kind == "cancellation")),
        "adjustments_value": "0.000",
        "gross_sales_of_products": three_decimals(value(goods)),
        "gross_sales_of_non_products": three_decimals(value(sales) - value(goods)),
    }
    assert money == expected["money"]


def test_rankings_and_weekdays_follow_from_the_lines(sample_lines: list[Line], expected: Any) -> None:
    lines = sample_lines

    goods = [line for line in lines if GOODS.fullmatch(line.sku)]
    assert ranked(goods, "sku", units)[:10] == [
        (each["stock_code"], each["quantity"]) for each in expected["top_products_by_net_quantity"]
    ]
    assert ranked(lines, "customer", value)[:10] == [
        (each["customer_id"], Decimal(each["net"])) for each in expected["top_customers_by_net"]
    ]
    first = {line.invoice: line.at for line in lines if line.invoice.isdigit()}
    weekdays = Counter(str(at.isoweekday()) for at in first.values())
    assert {day: weekdays[day] for day in expected["by_weekday"]} == expected["by_weekday"]
    services = Counter(line.sku for line in lines if not GOODS.fullmatch(line.sku))
    assert services == expected["oddities"]["non_product_codes_lines"]
    repeated = Counter((line.invoice, line.sku) for line in lines)
    assert sum(1 for n in repeated.values() if n > 1) == expected["oddities"]["repeated_product_in_invoice"]


async def test_the_reports_say_the_same(sample: Shop, expected: Any) -> None:
    december = {"from": "2010-12-01", "to": "2010-12-31"}

    sales = (await sample.get(SALES, ADMIN, interval="MONTH", **december))["reports"]["sales"]
    by_units = (await sample.get(TOP, ADMIN, by="UNITS", **december))["reports"]["topProducts"]
    by_revenue = (await sample.get(TOP, ADMIN, by="REVENUE", **december))["reports"]["topProducts"]
    countries = (await sample.get(COUNTRIES, ADMIN, **december))["reports"]["salesByCountry"]

    month = expected["by_month"]["2010-12"]
    assert len(sales["rows"]) == 1
    for row in (sales["rows"][0], sales["total"]):
        assert Decimal(row["gross"]["amount"]) == Decimal(month["gross_sales"])
        assert Decimal(row["returns"]["amount"]) == -Decimal(month["cancelled_value"])
        assert Decimal(row["net"]["amount"]) == Decimal(month["gross_all"])
        assert row["orders"] == month["sale_invoices"] - expected["counts"]["write_off_lines"]
        assert row["units"] == expected["counts"]["sum_of_quantity_sale_lines"]
    assert [(each["variant"]["sku"], each["units"]) for each in by_units] == [
        (each["stock_code"], each["quantity"]) for each in expected["top_products_by_quantity"]
    ]
    assert [(each["variant"]["sku"], Decimal(each["gross"]["amount"])) for each in by_revenue] == [
        (each["stock_code"], Decimal(each["revenue"])) for each in expected["top_products_by_revenue"]
    ]
    _same_countries(countries, expected)


def _same_countries(countries: list[Any], expected: Any) -> None:
    """Write-offs, which stand on British invoices, make no order."""
    home, write_offs = "United Kingdom", expected["counts"]["write_off_lines"]
    found = {
        each["country"]: (
            each["customers"],
            each["orders"] + (write_offs if each["country"] == home else 0),
            each["creditNotes"],
            Decimal(each["gross"]["amount"]),
            Decimal(each["net"]["amount"]) + Decimal(each["adjustments"]["amount"]),
        )
        for each in countries
    }
    assert found == {
        name: (
            each["customers"],
            each["sale_invoices"],
            each["cancellation_invoices"],
            Decimal(each["gross_sales"]),
            Decimal(each["gross_all"]),
        )
        for name, each in expected["by_country"].items()
    }
