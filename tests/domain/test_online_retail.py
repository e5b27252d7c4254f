"""What the records of an Online Retail file mean, and how one that breaks a rule is refused."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain import online_retail_fields as fields
from domain.catalog.model import VariantKind
from domain.online_retail import ImportRefused, Line, LineKind, OnlineRetailFile, classify
from domain.online_retail_fields import Flaw, InvoiceKind

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINE = "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom"


def record(line: str = LINE, **fields: str) -> str:
    """A good record with some fields replaced."""
    return ",".join(fields.get(name, value) for name, value in zip(HEADER.split(","), line.split(","), strict=True))


def file(*lines: str, header: str = HEADER) -> OnlineRetailFile:
    return OnlineRetailFile(io.BytesIO("".join(f"{line}\n" for line in (header, *lines)).encode()))


def read(*lines: str) -> list[Line]:
    return list(file(*lines))


def refusal(*content: bytes) -> ImportRefused:
    with pytest.raises(ImportRefused) as caught:
        list(OnlineRetailFile(content))
    return caught.value


def test_a_record_becomes_a_line():
    export = file(LINE)

    [line] = export

    at = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    name = "WHITE HANGING HEART T-LIGHT HOLDER"
    assert line == Line(2, 0, 0, 1, LineKind.SALE, 6, Decimal("2.55"), at, name)
    invoice, article = export.invoices["536365"], export.articles["85123A"]
    assert (invoice.kind, invoice.customer, invoice.country, invoice.at, invoice.line, invoice.records) == (
        InvoiceKind.SALE,
        "17850",
        "United Kingdom",
        at,
        2,
        1,
    )
    assert (article.kind, article.name, article.price, article.first_seen) == (
        VariantKind.GOODS,
        name,
        Decimal("2.55"),
        at,
    )
    assert export.lines == 1


@pytest.mark.parametrize(
    ("header", "ending"),
    [
        (HEADER, "\r\n"),
        (f"\ufeff{HEADER}", "\n"),
        ("Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country", "\n"),
        (", ".join(HEADER.split(",")), "\n"),
    ],
    ids=["CRLF", "byte order mark", "names of the second edition", "blanks in the header"],
)
def test_header_and_ends_of_lines_may_differ(header: str, ending: str):
    export = OnlineRetailFile([f"{header}{ending}".encode(), f"{LINE}{ending}".encode()])

    assert list(export) == read(LINE)
    assert [*export.invoices, *export.articles] == ["536365", "85123A"]


def test_columns_are_found_by_name_and_others_are_left_alone():
    header = "Country,Remark,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo"
    line = "France,x,12583,2.1,2010-12-01 08:26:00,6,LAMP,22728,536370"

    assert list(file(line, header=header)) == read("536370,22728,LAMP,6,2010-12-01 08:26:00,2.1,12583,France")


def test_blank_lines_and_a_missing_last_end_of_line_do_no_harm():
    export = OnlineRetailFile([f"{HEADER}\n".encode(), b"\n", f"{LINE}\n".encode(), b"\r\n", LINE.encode()])

    assert [(line.number, line.position) for line in export] == [(3, 1), (5, 2)]


def test_a_field_may_hold_commas_quotes_and_ends_of_lines():
    lines = read(record(Description='"SET OF 3, ""BIG""\nAND SMALL"'), LINE)

    assert [(line.number, line.description) for line in lines] == [
        (3, 'SET OF 3, "BIG"\nAND SMALL'),
        (4, "WHITE HANGING HEART T-LIGHT HOLDER"),
    ]


@pytest.mark.parametrize(
    ("number", "units", "price", "kind"),
    [
        ("536365", 6, "2.55", LineKind.SALE),
        ("536365", 6, "0", LineKind.SALE),
        ("536589", -10, "0", LineKind.WRITE_OFF),
        ("C536379", -1, "27.5", LineKind.RETURN),
        ("C536379", -1, "0", LineKind.RETURN),
        ("A563185", 1, "11062.06", LineKind.ADJUSTMENT),
        ("A563186", 1, "-11062.06", LineKind.ADJUSTMENT),
    ],
)
def test_number_and_signs_say_what_becomes_of_a_record(number: str, units: int, price: str, kind: LineKind):
    assert classify(fields.invoice_kind(number), units, Decimal(price)) is kind


@pytest.mark.parametrize(
    ("invoice", "units", "price", "column"),
    [
        (InvoiceKind.SALE, 1, "-1", "UnitPrice"),
        (InvoiceKind.SALE, -1, "0.01", "UnitPrice"),
        (InvoiceKind.CANCELLATION, 1, "1", "Quantity"),
        (InvoiceKind.CANCELLATION, -1, "-1", "UnitPrice"),
    ],
    ids=["sale below 0", "write-off with a price", "cancellation that gives", "cancellation below 0"],
)
def test_signs_that_make_no_sense_are_a_flaw(invoice: InvoiceKind, units: int, price: str, column: str):
    with pytest.raises(Flaw) as caught:
        classify(invoice, units, Decimal(price))

    assert caught.value.column == column


def test_returns_and_write_offs_have_positive_quantities_and_adjustments_their_amount():
    lines = read(
        record(InvoiceNo="C536379", Quantity="-4", UnitPrice="27.5"),
        record(InvoiceNo="536589", Quantity="-10", UnitPrice="0"),
        record(InvoiceNo="A563186", StockCode="B", Quantity="-2", UnitPrice="11062.06"),
    )

    assert [(line.kind, line.quantity, str(line.unit_price)) for line in lines] == [
        (LineKind.RETURN, 4, "27.50"),
        (LineKind.WRITE_OFF, 10, "0.00"),
        (LineKind.ADJUSTMENT, 1, "-22124.12"),
    ]


def test_positions_count_all_records_of_an_invoice_wherever_they_stand():
    lines = read(
        LINE,
        record(InvoiceNo="536366"),
        record(Quantity="-1", UnitPrice="0"),
        record(StockCode="POST"),
        record(InvoiceNo="536366", StockCode="85123a"),
    )

    assert [(line.invoice, line.article, line.position) for line in lines] == [
        (0, 0, 1),
        (1, 0, 1),
        (0, 0, 2),
        (0, 1, 3),
        (1, 2, 2),
    ]


@pytest.mark.parametrize("sku", ["85123", "85123A", "85123a", "47503J", "15056BL"])
def test_five_digits_and_at_most_two_letters_are_goods(sku: str):
    assert fields.is_goods(sku)


@pytest.mark.parametrize(
    "sku", ["POST", "M", "C2", "8512", "851234", "85123ABC", "85123A ", "DCGS0003", "gift_0001_20", "٨٥١٢٣"]
)
def test_other_codes_are_services(sku: str):
    assert not fields.is_goods(sku)


@pytest.mark.parametrize(
    ("text", "price"),
    [("2.55", "2.55"), ("2.1", "2.10"), ("4", "4.00"), ("0", "0.00"), ("0.001", "0.001"), ("-11062.06", "-11062.06")],
)
def test_prices_keep_their_decimals_and_have_two_at_least(text: str, price: str):
    assert str(fields.unit_price(text)) == price


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2010-12-01 08:26:00", "2010-12-01 08:26"),
        ("2011-06-01 08:26:00", "2011-06-01 07:26"),
        ("2011-03-27 00:59:00", "2011-03-27 00:59"),
        ("2011-03-27 01:30:00", "2011-03-27 01:30"),
        ("2011-03-27 02:00:00", "2011-03-27 01:00"),
        ("2011-10-30 00:59:00", "2011-10-29 23:59"),
        ("2011-10-30 01:30:00", "2011-10-30 00:30"),
        ("2011-10-30 02:00:00", "2011-10-30 02:00"),
    ],
    ids=["winter", "summer", "before spring", "skipped", "after spring", "before autumn", "twice", "after autumn"],
)
def test_times_are_those_of_london(local: str, utc: str):
    assert fields.moment(local) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_an_article_is_named_and_priced_by_its_latest_line():
    export = file(
        record(Description="THIRD", UnitPrice="3", InvoiceDate="2011-01-03 10:00:00"),
        record(InvoiceNo="1", Description=" FIRST ", UnitPrice="1", InvoiceDate="2011-01-01 10:00:00"),
        record(InvoiceNo="2", Description="  ", UnitPrice="0", InvoiceDate="2011-01-04 10:00:00"),
        record(InvoiceNo="3", Description="damages", Quantity="-9", UnitPrice="0", InvoiceDate="2011-01-05 10:00:00"),
        record(InvoiceNo="C4", Description="LATEST", Quantity="-1", UnitPrice="9", InvoiceDate="2011-01-05 10:00:00"),
    )
    list(export)
    article = export.articles["85123A"]

    assert (article.name, str(article.price)) == ("LATEST", "3.00")
    assert article.first_seen == datetime(2011, 1, 1, 10, tzinfo=UTC)


def test_of_lines_of_one_minute_the_last_in_the_file_counts():
    export = file(LINE, record(Description="LATER", UnitPrice="2.95"))
    list(export)

    assert (export.articles["85123A"].name, str(export.articles["85123A"].price)) == ("LATER", "2.95")


def test_without_a_proper_name_a_note_is_better_than_none_and_the_code_than_nothing():
    export = file(
        record(InvoiceNo="1", StockCode="22001", Description="damaged", Quantity="-1", UnitPrice="0"),
        record(InvoiceNo="2", StockCode="22002", Description="", UnitPrice="0"),
    )
    list(export)

    assert [(each.name, str(each.price)) for each in export.articles.values()] == [
        ("damaged", "0.00"),
        ("22002", "0.00"),
    ]


BAD_FIELDS = [
    ("InvoiceNo", "B536365"),
    ("InvoiceNo", "c536365"),
    ("InvoiceNo", "536365-1"),
    ("InvoiceNo", ""),
    ("InvoiceNo", "C"),
    ("InvoiceNo", "1" * 19),
    ("StockCode", ""),
    ("StockCode", " "),
    ("StockCode", "85\x00"),
    ("Description", "NUL \x00"),
    ("Quantity", "6.0"),
    ("Quantity", "six"),
    ("Quantity", ""),
    ("Quantity", "0"),
    ("Quantity", "1_000"),
    ("Quantity", "٦"),
    ("Quantity", "2147483648"),
    ("Quantity", "99999999999999999999"),
    ("InvoiceDate", "2010-12-01"),
    ("InvoiceDate", "12/1/2010 8:26"),
    ("InvoiceDate", "2010-02-30 08:26:00"),
    ("InvoiceDate", "2010-12-01 25:00:00"),
    ("InvoiceDate", "1969-12-31 08:26:00"),
    ("InvoiceDate", ""),
    ("UnitPrice", "2;55"),
    ("UnitPrice", "£2.55"),
    ("UnitPrice", "NaN"),
    ("UnitPrice", "Infinity"),
    ("UnitPrice", "1e3"),
    ("UnitPrice", "2."),
    ("UnitPrice", ""),
    ("UnitPrice", "1234567890123"),
    ("UnitPrice", "0.0000001"),
    ("UnitPrice", "-2.55"),
    ("CustomerID", "17850.0"),
    ("CustomerID", "anna"),
    ("Country", ""),
    ("Country", "\x00"),
]


@pytest.mark.parametrize(("column", "value"), BAD_FIELDS)
def test_a_bad_field_is_named_with_line_and_column(column: str, value: str):
    bad = record(**{"InvoiceNo": "536999", column: value})

    refused = refusal(*(f"{line}\n".encode() for line in (HEADER, LINE, bad)))

    assert (refused.line, refused.column) == (3, column)
    assert str(refused).startswith(f"line 3, column {column}: ")


def test_the_column_has_the_name_that_the_file_gives_it():
    header = b"Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"

    assert refusal(header, record(UnitPrice="x").encode()).column == "Price"
    assert refusal(header, record(CustomerID="x").encode()).column == "Customer ID"


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(column: str):
    refused = refusal(HEADER.replace(column, "Other").encode())

    assert (refused.line, refused.column, refused.problem) == (1, column, "the header does not have it.")


def test_a_column_that_comes_twice_is_refused():
    refused = refusal(f"{HEADER},Price".encode())

    assert (refused.line, refused.column) == (1, "UnitPrice")


def test_an_empty_file_is_refused():
    assert str(refusal()) == "line 1: the file is empty."


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("536366,22633,HAND WARMER,6,2010-12", "UnitPrice"),
        ("536366", "StockCode"),
        (f"{LINE},more", "Country"),
    ],
    ids=["cut off", "cut off early", "too many"],
)
def test_a_record_of_another_width_is_refused(line: str, column: str):
    refused = refusal(f"{HEADER}\n".encode(), f"{LINE}\n".encode(), line.encode())

    assert (refused.line, refused.column) == (3, column)


def test_a_quote_that_is_never_closed_is_refused():
    refused = refusal(f"{HEADER}\n".encode(), record(Description='"HAND WARMER').encode())

    assert (refused.line, refused.column) == (2, None)
    assert "not CSV" in refused.problem


@pytest.mark.parametrize("column", ["StockCode", "Description", "Country"])
def test_bytes_that_are_no_utf8_are_refused_where_they_are(column: str):
    bad = record(**{"InvoiceNo": "536366", column: "\xa3"}).encode("latin-1")

    refused = refusal(f"{HEADER}\n".encode(), f"{LINE}\n".encode(), bad)

    assert (refused.line, refused.column, refused.problem) == (3, column, "it is not UTF-8.")


def test_a_file_in_another_encoding_is_refused():
    refused = refusal(f"{HEADER}\n{LINE}\n".encode("utf-16"))

    assert refused.line == 1


def test_pounds_in_utf8_are_taken():
    [line] = read(record(Description="£1 BOX"))

    assert line.description == "£1 BOX"


@pytest.mark.parametrize(
    ("column", "value", "first"),
    [("CustomerID", "13047", "17850"), ("CustomerID", "", "17850"), ("Country", "France", "United Kingdom")],
)
def test_an_invoice_has_one_customer_and_one_country(column: str, value: str, first: str):
    refused = refusal(*(f"{line}\n".encode() for line in (HEADER, LINE, record(**{column: value}))))

    assert (refused.line, refused.column) == (3, column)
    assert refused.problem == f"invoice 536365 has another on line 2: {first}."


def test_a_long_file_of_ever_new_texts_is_forgotten_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fields, "_REMEMBERED_TEXTS", 3)
    parsed = fields.Parsed(int)

    assert [parsed[str(number)] for number in range(10)] == list(range(10))
    assert len(parsed) <= 3
