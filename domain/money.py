"""Amounts of money: exact decimals with an ISO 4217 currency code, never floats."""

from collections.abc import Iterable
from decimal import Decimal

from domain.value import value

DEFAULT_CURRENCY = "GBP"


@value
class Money:
    """An exact amount. Unit prices may have more decimals than the currency has minor units."""

    amount: Decimal
    currency_code: str

    def times(self, quantity: int) -> "Money":
        """The price of `quantity` pieces, exact."""
        return Money(self.amount * quantity, self.currency_code)


def total(amounts: Iterable[Money], currency_code: str) -> Money:
    """The exact sum of amounts that all are in `currency_code`; zero for none."""
    return Money(sum((money.amount for money in amounts), Decimal(0)), currency_code)
