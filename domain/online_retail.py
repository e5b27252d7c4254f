"""The Online Retail export: what each of its records means, and why a file of it is refused.

A file is read once, record by record; what is kept in memory are its invoices and its articles, not its
lines. What becomes of each kind of line is written down in docs/import.md.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from domain import online_retail_fields as fields
from domain.catalog.model import VariantKind
from domain.online_retail_fields import COLUMNS, Flaw, InvoiceKind, Parsed

_QUANTITIES = Parsed(fields.quantity)
_PRICES = Parsed(fields.unit_price)
_MOMENTS = Parsed(fields.moment)
_DESCRIPTIONS = Parsed(fields.description)


class ImportRefused(Exception):
    """The file cannot be imported, and nothing of it stays. The header is line 1."""

    def __init__(self, line: int, column: str | None, problem: str) -> None:
        place = f"line {line}, column {column}" if column else f"line {line}"
        super().__init__(f"{place}: {problem}")
        self.line, self.column, self.problem = line, column, problem


class LineKind(StrEnum):
    """What becomes of a record."""

    SALE = "SALE"
    WRITE_OFF = "WRITE_OFF"
    RETURN = "RETURN"
    ADJUSTMENT = "ADJUSTMENT"


class Line(NamedTuple):
    """One record of the file; a plain tuple, for there are hundreds of thousands of them.

    `number` is the line of the file; `invoice` and `article` are counted from 0 over the file; `position` is
    the place within the invoice, counted from 1 over all of its records. The quantity of a write-off or a
    return is positive, as the kind says where the goods went. An adjustment is 1 times its amount.
    """

    number: int
    invoice: int
    article: int
    position: int
    kind: LineKind
    quantity: int
    unit_price: Decimal
    at: datetime
    description: str | None


@dataclass(slots=True)
class Invoice:
    """An invoice of the file; `line` and `at` are place and time of its first record in file order."""

    ordinal: int
    number: str
    kind: InvoiceKind
    customer: str | None
    country: str
    line: int
    at: datetime
    records: int = 0


@dataclass(slots=True)
class Article:
    """A stock code of the file, with what its lines have said of it so far."""

    ordinal: int
    sku: str
    kind: VariantKind
    first_seen: datetime
    price: Decimal = Decimal("0.00")
    _priced_at: datetime | None = None
    _name: str | None = None
    _named_at: datetime | None = None
    _note: str | None = None

    @property
    def name(self) -> str:
        """What it was last called. What was noted on writing it off counts only where nothing else is known."""
        return self._name or self._note or self.sku

    def learn(self, kind: LineKind, unit_price: Decimal, description: str | None, at: datetime) -> None:
        """Take name and price from the latest line that tells them; within a moment, the last in the file."""
        self.first_seen = min(self.first_seen, at)
        if description is not None:
            if kind is LineKind.WRITE_OFF:
                self._note = description
            elif self._named_at is None or at >= self._named_at:
                self._name, self._named_at = description, at
        is_latest = self._priced_at is None or at >= self._priced_at
        if kind is LineKind.SALE and unit_price > 0 and is_latest:
            self.price, self._priced_at = unit_price, at


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many lines were read, and what was added.

    `known` lines were there before; `without_stock` lines write off something that has no stock.
    """

    lines: int = 0
    known: int = 0
    without_stock: int = 0
    customers: int = 0
    addresses: int = 0
    products: int = 0
    variants: int = 0
    orders: int = 0
    order_lines: int = 0
    returns: int = 0
    return_lines: int = 0
    adjustments: int = 0
    write_offs: int = 0
    movements: int = 0
    opening_receipts: int = 0


class OnlineRetailFile:
    """The records of one file. Iterate once; after that its invoices and articles are complete."""

    def __init__(self, content: Iterable[bytes]) -> None:
        """`content` is the file line by line, with the ends of the lines."""
        self._content = content
        self._names: dict[str, str] = {}
        self.invoices: dict[str, Invoice] = {}
        self.articles: dict[str, Article] = {}
        self.lines = 0

    def name_of(self, column: str) -> str:
        """What the file's own header calls a column."""
        return self._names[column]

    def __iter__(self) -> Iterator[Line]:
        """Yield the lines in file order.

        Raises:
            ImportRefused: a record breaks a rule, or the file is none of this kind.
        """
        reader = csv.reader(_decoded(self._content), strict=True)
        try:
            header = next(reader, None)
            if header is None:
                raise ImportRefused(1, None, "the file is empty.")
            self._names, places = _columns(header)
            chosen, width = itemgetter(*places), len(header)
            for record in reader:
                if len(record) == width:
                    yield self._line(reader.line_num, *chosen(record))
                elif record:
                    raise _wrong_width(reader.line_num, header, record)
        except csv.Error as error:
            raise ImportRefused(max(reader.line_num, 1), None, f"this is not CSV: {error}.") from error
        except Flaw as flaw:
            raise ImportRefused(reader.line_num, self.name_of(flaw.column), flaw.problem) from flaw

    def _line(
        self,
        number: int,
        invoice_no: str,
        stock_code: str,
        description: str,
        quantity: str,
        invoice_date: str,
        unit_price: str,
        customer_id: str,
        country: str,
    ) -> Line:
        at = _MOMENTS[invoice_date]
        invoice = self.invoices.get(invoice_no)
        if invoice is None:
            invoice = self._new_invoice(number, invoice_no, customer_id, country, at)
        elif country != invoice.country or customer_id != (invoice.customer or ""):
            raise _mixed(invoice, customer_id)
        units, price, text = _QUANTITIES[quantity], _PRICES[unit_price], _DESCRIPTIONS[description]
        kind = classify(invoice.kind, units, price)
        if kind is LineKind.ADJUSTMENT:
            units, price = 1, units * price
        article = self.articles.get(stock_code)
        if article is None:
            article = self._new_article(stock_code, at)
        article.learn(kind, price, text, at)
        invoice.records += 1
        self.lines += 1
        return Line(number, invoice.ordinal, article.ordinal, invoice.records, kind, abs(units), price, at, text)

    def _new_invoice(self, line: int, number: str, customer: str, country: str, at: datetime) -> Invoice:
        invoice = self.invoices[number] = Invoice(
            len(self.invoices),
            number,
            fields.invoice_kind(number),
            fields.customer_id(customer),
            fields.country(country),
            line,
            at,
        )
        return invoice

    def _new_article(self, stock_code: str, at: datetime) -> Article:
        sku = fields.stock_code(stock_code)
        kind = VariantKind.GOODS if fields.is_goods(sku) else VariantKind.SERVICE
        article = self.articles[sku] = Article(len(self.articles), sku, kind, at)
        return article


def classify(invoice: InvoiceKind, units: int, price: Decimal) -> LineKind:
    """What becomes of a record, by the kind of its invoice and the signs of its numbers."""
    if invoice is InvoiceKind.ADJUSTMENT:
        return LineKind.ADJUSTMENT
    if price < 0:
        raise Flaw("UnitPrice", f"{price} is below 0, which only the lines of an adjustment may be.")
    if invoice is InvoiceKind.CANCELLATION:
        if units > 0:
            raise Flaw("Quantity", f"{units} is above 0, but a cancellation takes goods back.")
        return LineKind.RETURN
    if units > 0:
        return LineKind.SALE
    if price:
        raise Flaw("UnitPrice", f"{price} is not 0, but a sale of less than 0 units is a write-off.")
    return LineKind.WRITE_OFF


def _mixed(invoice: Invoice, customer: str) -> Flaw:
    """An order has one customer and one country."""
    if customer != (invoice.customer or ""):
        column, first = "CustomerID", invoice.customer or "none"
    else:
        column, first = "Country", invoice.country
    return Flaw(column, f"invoice {invoice.number} has another on line {invoice.line}: {first}.")


def _decoded(content: Iterable[bytes]) -> Iterator[str]:
    """The lines as text. Bytes that are no UTF-8 become lone surrogates, so that their field can be named."""
    encoding = "utf-8-sig"
    for line in content:
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError:
            yield line.decode(encoding, "surrogateescape")
        encoding = "utf-8"


def _columns(header: Sequence[str]) -> tuple[dict[str, str], list[int]]:
    """The name that each column has in this file, and their places."""
    found = [name.strip() for name in header]
    names: dict[str, str] = {}
    for column, accepted in COLUMNS.items():
        present = [name for name in found if name in accepted]
        if len(present) != 1:
            problem = "the header has it more than once." if present else "the header does not have it."
            raise ImportRefused(1, column, problem)
        names[column] = present[0]
    return names, [found.index(name) for name in names.values()]


def _wrong_width(line: int, header: Sequence[str], record: Sequence[str]) -> ImportRefused:
    """Name the first column that is missing, or the last one before the surplus."""
    column = header[min(len(record), len(header) - 1)].strip()
    return ImportRefused(line, column, f"the record has {len(record)} fields, the header {len(header)}.")
