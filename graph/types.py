"""Types that several features share."""

from decimal import Decimal

import strawberry

from domain import money
from graph.node import object_type


@object_type(money.Money, "An exact amount of money.")
class Money:
    """An amount and its currency."""

    amount: Decimal = strawberry.field(description="The exact amount; it may have more than two decimals.")
    currency_code: str = strawberry.field(description="The ISO 4217 code of the currency, such as GBP.")
