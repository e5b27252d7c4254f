"""What a product and a variant are."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.money import Money
from domain.value import value


class VariantKind(StrEnum):
    """Whether a variant is kept in stock."""

    GOODS = "GOODS"
    SERVICE = "SERVICE"


@value
class Product:
    """Something the shop sells, in one or more variants."""

    id: UUID
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


@value
class Variant:
    """What is ordered. The case of an SKU matters: 85123A and 85123a are two."""

    id: UUID
    product_id: UUID
    sku: str
    name: str
    kind: VariantKind
    price: Money
    allow_backorder: bool
    created_at: datetime
    updated_at: datetime
