"""All 541,909 lines, imported and asked through GraphQL: the year's reports give the expected figures."""

import json
from decimal import Decimal
from typing import Any

from real_data.conftest import ADMIN, DATA
from real_data.reports import COUNTRIES, SALES, TOP
from support.shop import Shop

WRITE_OFFS_WITHOUT_STOCK = 12
YEAR = {"from": "2010-12-01", "to": "2011-12-31"}

LISTS = """
{
  orders { totalCount }
  returns { totalCount }
  adjustments { totalCount }
  customers { totalCount }
  products { totalCount }
  goods: variants(filter: {kind: {eq: GOODS}}) { totalCount }
  writeOffs: stockMovements(filter: {kind: {eq: WRITE_OFF}}) { totalCount }
  below: stockLevels(filter: {onHand: {lt: 0}}) { totalCount }
}
"""


async def test_a_year_of_a_real_shop_adds_up(whole: Shop) -> None:
    expected = json.loads((DATA / "expected.json").read_text())
    lists = await whole.get(LISTS, ADMIN)
    sales = (await whole.get(SALES, ADMIN, interval="MONTH", **YEAR))["reports"]["sales"]
    by_units = (await whole.get(TOP, ADMIN, by="UNITS", **YEAR))["reports"]["topProducts"]
    by_revenue = (await whole.get(TOP, ADMIN, by="REVENUE", **YEAR))["reports"]["topProducts"]
    countries = (await whole.get(COUNTRIES, ADMIN, **YEAR))["reports"]["salesByCountry"]

    _same_counts({name: each["totalCount"] for name, each in lists.items()}, expected["counts"])
    _same_months(sales, expected)
    assert [(each["variant"]["sku"], each["units"]) for each in by_units] == [
        (each["stock_code"], each["quantity"]) for each in expected["top_products_by_quantity"]
    ]
    assert [(each["variant"]["sku"], Decimal(each["gross"]["amount"])) for each in by_revenue] == [
        (each["stock_code"], Decimal(each["revenue"])) for each in expected["top_products_by_revenue"]
    ]
    _same_countries(countries, expected)


def _same_counts(count: dict[str, int], figures: dict[str, Any]) -> None:
    # Each write-off stands on an invoice of its own, which makes no order; those of a code that is no article
    # move no stock: docs/import.md.
    assert count == {
        "orders": figures["sale_invoices"] - figures["write_off_lines"],
        "returns": figures["cancellation_invoices"],
        "adjustments": figures["adjustment_lines"],
        "customers": figures["customers"],
        "products": figures["stock_codes"],
        "goods": figures["product_codes"],
        "writeOffs": figures["write_off_lines"] - WRITE_OFFS_WITHOUT_STOCK,
        "below": 0,
    }


def _same_months(sales: Any, expected: Any) -> None:
    found = {
        row["period"][:7]: (
            Decimal(row["gross"]["amount"]),
            -Decimal(row["returns"]["amount"]),
            Decimal(row["net"]["amount"]) + Decimal(row["adjustments"]["amount"]),
        )
        for row in sales["rows"]
    }
    assert found == {
        month: (Decimal(each["gross_sales"]), Decimal(each["cancelled_value"]), Decimal(each["gross_all"]))
        for month, each in expected["by_month"].items()
    }
    total, money, figures = sales["total"], expected["money"], expected["counts"]
    assert Decimal(total["gross"]["amount"]) == Decimal(money["gross_sales"])
    assert Decimal(total["returns"]["amount"]) == -Decimal(money["cancelled_value"])
    assert Decimal(total["adjustments"]["amount"]) == Decimal(money["adjustments_value"])
    assert total["units"] == figures["sum_of_quantity_sale_lines"]
    assert total["orders"] == figures["sale_invoices"] - figures["write_off_lines"]


def _same_countries(countries: list[Any], expected: Any) -> None:
    found = {
        each["country"]: (
            each["customers"],
            each["creditNotes"],
            Decimal(each["gross"]["amount"]),
            Decimal(each["net"]["amount"]) + Decimal(each["adjustments"]["amount"]),
        )
        for each in countries
    }
    assert found == {
        name: (
            each["customers"],
            each["cancellation_invoices"],
            Decimal(each["gross_sales"]),
            Decimal(each["gross_all"]),
        )
        for name, each in expected["by_country"].items()
    }
