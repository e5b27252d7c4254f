"""What a customer is."""

from datetime import datetime
from uuid import UUID

from domain.value import value


@value
class Customer:
    """A party who buys. `reference` is the shop's own number for it."""

    id: UUID
    user_id: UUID | None
    reference: str | None
    name: str
    email: str | None
    created_at: datetime


@value
class Address:
    """Where a customer is. `country` is written as the shop writes it."""

    id: UUID
    customer_id: UUID
    line1: str | None
    line2: str | None
    city: str | None
    postal_code: str | None
    country: str
