"""The fields of an Online Retail record: what each may hold, and what it says."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "InvoiceNo": ("InvoiceNo", "Invoice"),
    "StockCode": ("StockCode",),
    "Description": ("Description",),
    "Quantity": ("Quantity",),
    "InvoiceDate": ("InvoiceDate",),
    "UnitPrice": ("UnitPrice", "Price"),
    "CustomerID": ("CustomerID", "Customer ID"),
    "Country": ("Country",),
}
"""The columns of the file, each with the names it has in the two published editions."""

TIME_ZONE = ZoneInfo("Europe/London")
UNITS_MAX = 2**31 - 1
"""The most units that a line or a stock level can hold."""

_FIRST_YEAR = 1970
_MINOR_UNITS = 2
_REMEMBERED_TEXTS = 100_000

_INVOICE_NO = re.compile(r"[CA]?[0-9]{1,18}")
_GOODS = re.compile(r"[0-9]{5}[A-Za-z]{0,2}")
_QUANTITY = re.compile(r"-?[0-9]{1,10}")
_PRICE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_CUSTOMER_ID = re.compile(r"[0-9]{1,18}")


class InvoiceKind(StrEnum):
    """What an invoice is, as its number says."""

    SALE = "SALE"
    CANCELLATION = "CANCELLATION"
    ADJUSTMENT = "ADJUSTMENT"


class Flaw(Exception):
    """What is wrong with a field; whoever reads the file knows the line."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column, self.problem = column, problem


class Parsed(dict[str, T], Generic[T]):
    """Values by the text they are written as.

    A file repeats few texts very often, and looking one up takes a tenth of the time of parsing it again.
    """

    def __init__(self, parse: Callable[[str], T]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: str) -> T:
        if len(self) >= _REMEMBERED_TEXTS:
            self.clear()
        value = self[text] = self._parse(text)
        return value


def invoice_kind(number: str) -> InvoiceKind:
    """What an invoice is: digits alone are a sale, after a C a cancellation, after an A an adjustment."""
    if not _INVOICE_NO.fullmatch(number):
        raise Flaw("InvoiceNo", f"{number!r} is not digits with nothing, a C or an A before them.")
    return {"C": InvoiceKind.CANCELLATION, "A": InvoiceKind.ADJUSTMENT}.get(number[0], InvoiceKind.SALE)


def is_goods(sku: str) -> bool:
    """Whether a stock code stands for goods, rather than for postage, a discount or some other entry."""
    return _GOODS.fullmatch(sku) is not None


def quantity(text: str) -> int:
    if not _QUANTITY.fullmatch(text):
        raise Flaw("Quantity", f"{text!r} is not a whole number.")
    if not 0 < abs(int(text)) <= UNITS_MAX:
        raise Flaw("Quantity", f"{text} is 0 or more than {UNITS_MAX} units.")
    return int(text)


def unit_price(text: str) -> Decimal:
    """A price with at least two decimals, and with all that it is written with."""
    if not _PRICE.fullmatch(text):
        raise Flaw("UnitPrice", f"{text!r} is not a price such as 2.55, of at most 12 digits and 6 decimals.")
    scale = max(len(text.partition(".")[2]), _MINOR_UNITS)
    return Decimal(text).quantize(Decimal(1).scaleb(-scale))


def moment(text: str) -> datetime:
    """The local time of the shop. An hour that its clocks show twice is taken as the first of the two."""
    if not _MOMENT.fullmatch(text):
        raise Flaw("InvoiceDate", f"{text!r} is not a date and time such as 2011-12-09 12:50:00.")
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=TIME_ZONE)
    except ValueError as error:
        raise Flaw("InvoiceDate", f"{text!r} is not in the calendar: {error}.") from error
    if local.year < _FIRST_YEAR:
        raise Flaw("InvoiceDate", f"{text!r} is before {_FIRST_YEAR}.")
    return local.astimezone(UTC)


def customer_id(text: str) -> str | None:
    if text and not _CUSTOMER_ID.fullmatch(text):
        raise Flaw("CustomerID", f"{text!r} is neither digits nor empty.")
    return text or None


def description(text: str) -> str | None:
    return _storable("Description", text).strip() or None


def stock_code(text: str) -> str:
    return _not_empty("StockCode", text)


def country(text: str) -> str:
    return _not_empty("Country", text)


def _not_empty(column: str, text: str) -> str:
    if not text.strip():
        raise Flaw(column, "it is empty.")
    return _storable(column, text)


def _storable(column: str, text: str) -> str:
    """Refuse what no database text can hold; bytes that are no UTF-8 come as lone surrogates."""
    if "\0" in text:
        raise Flaw(column, "it has a NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Flaw(column, "it is not UTF-8.") from None
    return text
