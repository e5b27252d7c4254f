"""The Online Retail import: exact, all or nothing, and with a ledger of stock that adds up."""

import gzip
import hashlib
import json
import lzma
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.log import logged
from support.online_retail import (
    DATA,
    HEADER,
    RESULT,
    SAMPLE,
    SHOP,
    assert_ledger_adds_up,
    books,
    counts,
    load,
    needs_data,
    rows,
    write,
)

from db.engine import Database
from db.online_retail import import_online_retail
from domain.online_retail import ImportRefused, ImportResult


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "shop.csv"


async def test_each_kind_of_line_becomes_what_it_is(database: Database, csv: Path):
    assert await load(database, csv, SHOP) == RESULT

    found = await books(database)
    first, second = (datetime(2010, 12, 1, hour, minute, tzinfo=UTC) for hour, minute in ((8, 26), (9, 0)))
    summer = datetime(2011, 6, 1, 9, tzinfo=UTC)
    assert found["orders"] == [
        ("536365", "17850", "United Kingdom", Decimal("52.80"), first, first, "DELIVERED"),
        ("536366", None, "EIRE", Decimal("0.004"), second, second, "DELIVERED"),
        ("536700", "17850", "France", Decimal("5.00"), summer, summer, "DELIVERED"),
    ]
    assert await rows(database, "SELECT DISTINCT version FROM orders") == [(1,)]
    assert [line[1:] for line in found["order_lines"] if line[0] == "536365"] == [
        (1, "85123A", "HEART HOLDER", 6, Decimal("2.55")),
        (2, "85123a", "heart holder", 2, Decimal("2.10")),
        (3, "85123A", "HEART HOLDER", 6, Decimal("2.55")),
        (4, "POST", "POSTAGE", 1, Decimal("18.00")),
        (5, "22001", None, 3, Decimal("0.00")),
    ]
    assert [(line[0], line[2], line[3], line[4], line[6], line[7]) for line in found["return_lines"]] == [
        ("C536600", "85123a", "heart holder", 2, "536365", 2),
        ("C536601", "85123A", "HEART HOLDER", 6, None, None),
        ("C536601", "POST", "POSTAGE", 1, "536365", 4),
        ("C536602", "85123a", "heart holder", 2, None, None),
    ]
    assert [(each[0], each[3], each[5]) for each in found["returns"]] == [
        ("C536600", Decimal("4.20"), "536365"),
        ("C536601", Decimal("33.30"), None),
        ("C536602", Decimal("4.20"), None),
    ]
    assert [each[:5] for each in found["adjustments"]] == [
        ("A563185", 1, "Adjust bad debt", Decimal("11062.06"), "United Kingdom"),
        ("A563186", 1, "Adjust bad debt", Decimal("-11062.06"), "United Kingdom"),
    ]
    assert found["addresses"] == [("17850", "France"), ("17850", "United Kingdom")]


async def test_prices_keep_what_they_are_written_with_and_have_two_decimals(database: Database, csv: Path):
    await load(database, csv, SHOP)

    prices = "SELECT DISTINCT CAST(unit_price AS text) FROM order_lines ORDER BY 1"
    assert await rows(database, prices) == [("0.00",), ("0.001",), ("18.00",), ("2.10",), ("2.55",), ("5.00",)]


async def test_products_are_named_and_priced_by_their_latest_sale(database: Database, csv: Path):
    await load(database, csv, SHOP)

    query = """SELECT sku, p.name, v.name, kind, CAST(price AS text)
        FROM variants v JOIN products p ON p.id = product_id ORDER BY sku"""
    assert await rows(database, query) == [
        ("22001", "LAMP", "LAMP", "GOODS", "5.00"),
        ("22002", "22002", "22002", "GOODS", "0.00"),
        ("85123A", "HEART HOLDER", "HEART HOLDER", "GOODS", "2.55"),
        ("85123a", "heart holder", "heart holder", "GOODS", "2.10"),
        ("B", "Adjust bad debt", "Adjust bad debt", "SERVICE", "0.00"),
        ("DCGS0003", "ebay", "ebay", "SERVICE", "0.00"),
        ("POST", "POSTAGE", "POSTAGE", "SERVICE", "18.00"),
    ]


async def test_stock_moves_with_the_goods_and_opens_with_just_enough(database: Database, csv: Path):
    await load(database, csv, SHOP)

    found = await books(database)
    lamp = [movement[1:6] for movement in found["movements"] if movement[0] == "22001"]
    assert lamp == [
        ("SHIPMENT", -3, None, "536365", "536365"),
        ("SHIPMENT", -4, None, "536366", "536366"),
        ("WRITE_OFF", -10, "wet", "536589", None),
        ("SHIPMENT", -1, None, "536700", "536700"),
    ]
    assert [movement[1:6] for movement in found["movements"] if movement[0] == "22002"] == [
        ("WRITE_OFF", -1, None, "536590", None)
    ]
    assert [movement[1:6] for movement in found["movements"] if movement[0] == "85123a"] == [
        ("SHIPMENT", -2, None, "536365", "536365"),
        ("RETURN", 2, None, "C536600", None),
        ("RETURN", 2, None, "C536602", None),
    ]
    assert found["levels"] == [
        ("22001", "MAIN", 0, 0),
        ("22002", "MAIN", 0, 0),
        ("85123A", "MAIN", 6, 0),
        ("85123a", "MAIN", 4, 0),
    ]
    assert found["openings"] == [("22001", 18), ("22002", 1), ("85123A", 12), ("85123a", 2)]
    await assert_ledger_adds_up(database)


async def test_goods_that_come_back_before_they_leave_need_no_opening(database: Database, csv: Path):
    lines = ["C1,22001,LAMP,-5,2010-12-01 08:00:00,5,1,France", "2,22001,LAMP,5,2010-12-01 08:00:00,5,1,France"]

    result = await load(database, csv, "\n".join([HEADER, *lines]))

    assert (result.movements, result.opening_receipts) == (2, 0)
    await assert_ledger_adds_up(database)


async def test_one_event_tells_of_the_import(database: Database, csv: Path):
    await load(database, csv, SHOP)
    await load(database, csv)

    expected = {**asdict(RESULT), "file": "shop.csv", "sha256": hashlib.sha256(SHOP.encode()).hexdigest()}
    assert await logged(database, "kind, aggregate_type, sequence, actor_id, payload") == [
        ("IMPORT_COMPLETED", "IMPORT", 1, None, expected)
    ]


def changed(old: str, new: str) -> bytes:
    return SHOP.replace(old, new, 1).encode()


BAD = {
    "missing column": (changed("UnitPrice", "Cost"), 1, "UnitPrice"),
    "wrong quantity": (changed("22001,LAMP,1", "22001,LAMP,1.5"), 15, "Quantity"),
    "unknown invoice": (changed("A563185", "B563185"), 16, "InvoiceNo"),
    "wrong price": (changed("11062.06", "eleven"), 16, "UnitPrice"),
    "wrong date": (changed("2011-06-01", "2011-06-31"), 15, "InvoiceDate"),
    "wrong encoding": (changed("LAMP", "\xa3").replace("£".encode(), b"\xa3"), 7, "Description"),
    "NUL": (changed("LAMP", "\x00"), 7, "Description"),
    "mixed customers": (changed("1,2010-12-01 08:27:00,18,17850", "1,2010-12-01 08:27:00,18,"), 5, "CustomerID"),
    "too many pieces": (changed("22001,LAMP,1", "22001,LAMP,2147483648"), 15, "Quantity"),
    "too much stock": (changed("22001,LAMP,1", "22001,LAMP,2147483647"), 6, "Quantity"),
    "cut off": (SHOP[:-60].encode(), 17, "Quantity"),
    "empty": (b"", 1, None),
    "cut off gz": (gzip.compress(SHOP.encode())[:-4], 18, None),
    "cut off xz": (lzma.compress(SHOP.encode())[:-20], 18, None),
    "damaged xz": (lzma.compress(SHOP.encode())[:100] + b"x" * 100, 1, None),
    "endless line": (b"x" * (1 << 20), 1, None),
}


@pytest.mark.parametrize("name", BAD)
async def test_of_a_bad_file_nothing_stays(database: Database, csv: Path, name: str):
    content, line, column = BAD[name]
    before = await counts(database)

    with pytest.raises(ImportRefused) as refused:
        await load(database, csv, content)

    assert (refused.value.line, refused.value.column) == (line, column)
    assert await counts(database) == before
    assert await load(database, csv, SHOP) == RESULT


@pytest.mark.parametrize("suffix", ["gz", "xz"])
async def test_a_name_that_promises_packing_is_believed(database: Database, csv: Path, suffix: str):
    with pytest.raises(ImportRefused, match=r"^line 1: the file is cut off or damaged"):
        await load(database, csv.with_suffix(f".{suffix}"), SHOP)


async def test_a_header_alone_adds_nothing(database: Database, csv: Path):
    before = await counts(database)

    assert await load(database, csv, HEADER) == ImportResult()
    assert await counts(database) == before


async def test_texts_arrive_as_they_are(database: Database, csv: Path):
    odd = 'TAB\tBACK\\N "£" \\t'
    await load(
        database, csv, f'{HEADER}\n1,A\\B,"{odd.replace(chr(34), chr(34) * 2)}\nX",1,2010-12-01 08:00:00,1,1,\\N\n'
    )

    assert await rows(database, "SELECT sku, description FROM order_lines JOIN variants v ON v.id = variant_id") == [
        ("A\\B", f"{odd}\nX")
    ]
    assert await rows(database, "SELECT country FROM orders") == [("\\N",)]


async def test_progress_goes_from_bytes_to_rows(database: Database, csv: Path):
    write(csv, SHOP)
    told: list[tuple[str, int, int | None]] = []

    await import_online_retail(database, csv, lambda *stage: told.append(stage))

    assert list(dict.fromkeys(stage for stage, _, _ in told)) == [
        "read",
        "compare",
        "customers and articles",
        "orders",
        "returns",
        "stock",
        "reports",
    ]
    assert ("read", len(SHOP), len(SHOP)) in told
    assert all(total is None or done <= total for _, done, total in told)


@needs_data
async def test_the_sample_is_imported_to_the_line(database: Database):
    expected = json.loads((DATA / "expected.sample-100.json").read_text())
    facts, money = expected["counts"], expected["money"]

    result = await load(database, SAMPLE)

    assert (result.lines, result.known, result.without_stock) == (facts["lines"], 0, 0)
    assert (result.orders, result.returns, result.adjustments) == (facts["sale_invoices"], 6, 0)
    assert result.order_lines == facts["sale_lines"] + facts["free_lines"]
    assert result.return_lines == facts["cancellation_lines"]
    assert (result.customers, result.variants, result.products) == (facts["customers"], 1055, facts["stock_codes"])
    kinds = dict(await rows(database, "SELECT kind, count(*) FROM variants GROUP BY kind"))
    assert kinds == {"GOODS": facts["product_codes"], "SERVICE": facts["non_product_codes"]}
    sums = "SELECT (SELECT sum(total) FROM orders), (SELECT sum(total) FROM returns)"
    assert await rows(database, sums) == [(Decimal(money["gross_sales"]), -Decimal(money["cancelled_value"]))]
    assert await rows(database, "SELECT count(*) FROM orders WHERE customer_id IS NULL") == [
        (facts["anonymous_sale_invoices"],)
    ]
    stored = await counts(database)
    assert {
        name: stored[name] for name in ("order_lines", "stock_movements", "addresses", "stock_levels", "pending_events")
    } == {
        "order_lines": result.order_lines,
        "stock_movements": result.movements,
        "addresses": result.addresses,
        "stock_levels": facts["product_codes"],
        "pending_events": 1,
    }
    await assert_ledger_adds_up(database)
