"""The figures that the data's expected.json defines in words, worked out from what GraphQL answers."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from support.shop import Shop

from domain.actor import Actor

LONDON = ZoneInfo("Europe/London")

ORDERS = """
query Orders($after: String) {
  orders(first: 100, after: $after) {
    nodes {
      number status placedAt country total { amount } customer { reference }
      lines { position quantity unitPrice { amount } variant { sku } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

RETURNS = """
query Returns($after: String) {
  returns(first: 100, after: $after) {
    nodes {
      number returnedAt country total { amount } customer { reference }
      lines { position quantity unitPrice { amount } orderLinePosition variant { sku } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

WRITE_OFFS = """
query WriteOffs($after: String) {
  stockMovements(first: 100, after: $after, filter: {kind: {eq: WRITE_OFF}}) {
    nodes { reference quantity occurredAt variant { sku } order { number } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the books, with the signs it had in the file; write-offs have no country in the shop."""

    kind: str
    invoice: str
    sku: str
    quantity: int
    price: Decimal
    customer: str | None
    country: str | None
    at: datetime

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.price


async def pages(shop: Shop, admin: Actor, query: str, field: str) -> AsyncIterator[dict[str, Any]]:
    """Every node of a connection, page by page."""
    after = None
    while True:
        page = (await shop.get(query, admin, after=after))[field]
        for node in page["nodes"]:
            yield node
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def book_lines(shop: Shop, admin: Actor) -> list[Line]:
    """Every line of orders, returns and write-offs."""
    lines: list[Line] = []
    async for order in pages(shop, admin, ORDERS, "orders"):
        for line in order["lines"]:
            kind = "sale" if Decimal(line["unitPrice"]["amount"]) > 0 else "free"
            lines.append(_line(kind, order, line, "placedAt", 1))
    async for credit_note in pages(shop, admin, RETURNS, "returns"):
        lines += [_line("cancellation", credit_note, line, "returnedAt", -1) for line in credit_note["lines"]]
    async for movement in pages(shop, admin, WRITE_OFFS, "stockMovements"):
        at = datetime.fromisoformat(movement["occurredAt"]).astimezone(LONDON)
        sku, quantity = movement["variant"]["sku"], movement["quantity"]
        lines.append(Line("write_off", movement["reference"], sku, quantity, Decimal(0), None, None, at))
    return lines


def _line(kind: str, document: dict[str, Any], line: dict[str, Any], moment: str, sign: int) -> Line:
    customer = document["customer"]
    return Line(
        kind,
        document["number"],
        line["variant"]["sku"],
        sign * line["quantity"],
        Decimal(line["unitPrice"]["amount"]),
        customer["reference"] if customer else None,
        document["country"],
        datetime.fromisoformat(document[moment]).astimezone(LONDON),
    )


def three_decimals(amount: Decimal) -> str:
    """Written with exactly three decimals; no rounding is ever needed."""
    written = amount.quantize(Decimal("0.001"))
    assert written == amount
    return str(written + 0)


def digest(rows: Iterable[tuple[object, ...]]) -> str:
    """The SHA-256 of rows of fields parted by tabs."""
    return hashlib.sha256("".join("\t".join(map(str, row)) + "\n" for row in rows).encode()).hexdigest()


def counts(lines: list[Line]) -> dict[str, int]:
    """The figures under `counts` that follow from the lines."""
    kinds = Counter(line.kind for line in lines)
    sales = [line for line in lines if line.kind == "sale"]
    invoices = {line.invoice: line for line in lines}
    return {
        "lines": len(lines),
        "invoices": len(invoices),
        "sale_invoices": sum(1 for number in invoices if number.isdigit()),
        "cancellation_invoices": sum(1 for number in invoices if number.startswith("C")),
        "customers": len({line.customer for line in lines} - {None}),
        "countries": len({line.country for line in lines} - {None}),
        "stock_codes": len({line.sku for line in lines}),
        "sale_lines": kinds["sale"],
        "free_lines": kinds["free"],
        "write_off_lines": kinds["write_off"],
        "cancellation_lines": kinds["cancellation"],
        "anonymous_lines": sum(1 for line in lines if line.customer is None),
        "anonymous_invoices": len({line.invoice for line in lines if line.customer is None}),
        "anonymous_sale_invoices": len(
            {line.invoice for line in lines if line.customer is None and line.invoice.isdigit()}
        ),
        "customers_with_a_sale_line": len({line.customer for line in sales} - {None}),
        "customers_with_only_cancellations": len(
            {line.customer for line in lines} - {line.customer for line in lines if line.invoice.isdigit()}
        ),
        "sum_of_quantity_all_lines": sum(line.quantity for line in lines),
        "sum_of_quantity_sale_lines": sum(line.quantity for line in sales),
        "sum_of_quantity_cancellation_lines": sum(line.quantity for line in lines if line.kind == "cancellation"),
    }


def digests(lines: list[Line]) -> dict[str, str]:
    """The three digests: over products, invoices and customers."""
    by_sku, by_invoice, by_customer = _group(lines, "sku"), _group(lines, "invoice"), _group(lines, "customer")
    return {
        "digest_products": digest(
            (sku, units(own), three_decimals(value(line for line in own if line.kind == "sale")))
            for sku, own in sorted(by_sku.items())
        ),
        "digest_invoices": digest(
            (number, len(own), units(own), three_decimals(value(own))) for number, own in sorted(by_invoice.items())
        ),
        "digest_customers": digest(
            (customer, len({line.invoice for line in own}), three_decimals(value(own)))
            for customer, own in sorted((key, own) for key, own in by_customer.items() if key is not None)
        ),
    }


def ranked(lines: list[Line], key: str, measure: Callable[[list[Line]], Any]) -> list[tuple[Any, Any]]:
    """Groups of lines with their measure, the highest first, ties by the key."""
    groups = ((name, measure(own)) for name, own in _group(lines, key).items() if name is not None)
    return sorted(groups, key=lambda pair: (-pair[1], pair[0]))


def _group(lines: list[Line], key: str) -> dict[Any, list[Line]]:
    groups: dict[Any, list[Line]] = defaultdict(list)
    for line in lines:
        groups[getattr(line, key)].append(line)
    return groups


def units(lines: Iterable[Line]) -> int:
    return sum(line.quantity for line in lines)


def value(lines: Iterable[Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))
