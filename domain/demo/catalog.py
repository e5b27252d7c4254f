"""The products of the demo shop and their variants."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import product as combinations

from domain.catalog.model import Product, Variant, VariantKind
from domain.demo.dice import Dice
from domain.demo.goods import BACKORDERED, SERVICES, Choice, Item, items
from domain.money import Money

# Prices end in 0 or 5 pence.
STEPS = Decimal(20)
PENNY = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that can be ordered."""

    products: list[Product]
    variants: list[Variant]


def make_catalog(dice: Dice, opening: datetime, currency: str) -> Catalog:
    """The assortment, listed in the year before the opening."""
    listed = sorted(dice.moment(opening - timedelta(days=365), opening) for _ in items())
    catalog = Catalog([], [])
    for item, moment in zip(items(), listed, strict=True):
        made = Product(dice.id(moment), item.name, item.description, moment, moment)
        catalog.products.append(made)
        catalog.variants.extend(
            _variant(dice, item, made, choices, moment, currency) for choices in combinations(*item.axes)
        )
    return catalog


def _variant(
    dice: Dice, item: Item, product: Product, choices: tuple[Choice, ...], moment: datetime, currency: str
) -> Variant:
    sku = "-".join([item.code, *(choice.code for choice in choices)])
    name = ", ".join([item.name, *(choice.label for choice in choices)])
    price = item.price
    for choice in choices:
        price *= choice.factor
    rounded = (price * STEPS).quantize(Decimal(1), ROUND_HALF_UP) / STEPS
    return Variant(
        id=dice.id(moment),
        product_id=product.id,
        sku=sku,
        name=name,
        kind=VariantKind.SERVICE if item.code in SERVICES else VariantKind.GOODS,
        price=Money(rounded.quantize(PENNY), currency),
        allow_backorder=sku == BACKORDERED,
        created_at=moment,
        updated_at=moment,
    )
