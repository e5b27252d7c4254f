"""Amounts of money: exact decimals with an ISO 4217 currency code, never floats."""

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import reduce

from domain.value import value

DEFAULT_CURRENCY = "GBP"

EXACT = Context(prec=1000)
"""Arithmetic with more digits than any amount of ours has. Without it Python rounds to 28, and PostgreSQL does not."""


@value
class Money:
    """An exact amount. Unit prices may have more decimals than the currency has minor units."""

    amount: Decimal
    currency_code: str

    def times(self, quantity: int) -> "Money":
        """The price of `quantity` pieces, exact."""
        return Money(EXACT.multiply(self.amount, quantity), self.currency_code)


def total(amounts: Iterable[Money], currency_code: str) -> Money:
    """The exact sum of amounts that all are in `currency_code`; zero for none."""
    return Money(reduce(EXACT.add, (money.amount for money in amounts), Decimal(0)), currency_code)
