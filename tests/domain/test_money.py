"""Amounts are exact, however many digits they have."""

from decimal import Decimal

from domain.money import Money, total

LONG = Money(Decimal("123456789012345678.123456789012"), "GBP")
"""More than the 28 digits to which Python rounds."""


def test_products_and_sums_are_not_rounded():
    assert LONG.times(97) == Money(Decimal("11975308534197530777.975308534164"), "GBP")
    assert total([LONG, Money(Decimal("1E-20"), "GBP")], "GBP").amount == Decimal(
        "123456789012345678.12345678901200000001"
    )
    assert total([], "GBP").amount == 0


def test_products_and_sums_keep_their_decimals():
    assert str(Money(Decimal("2.50"), "GBP").times(2).amount) == "5.00"
    assert str(total([Money(Decimal("2.5"), "GBP"), Money(Decimal("2.50"), "GBP")], "GBP").amount) == "5.00"
