"""What an order is placed on, for commands: one statement finds it all, and locks the levels of the goods."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Uuid, or_, select, true

from db.catalog import to_variant, variants
from db.customers import customers
from db.engine import Transaction
from db.orders import next_number, order_numbers
from db.statements import Prepared, later, with_keys
from db.stock_guard import locked_levels
from domain.inventory.model import LockedLevel
from domain.orders.model import Offer

_WANTED = with_keys(variants.c.sku)
_BUYER = or_(
    customers.c.id == later("customer_id", Uuid),
    customers.c.user_id == later("user_id", Uuid),
)
# Written as a CTE, it is done once and in its own order, whatever is joined to it.
_LEVELS = locked_levels(_WANTED).cte("levels")
_ONE = select(true().label("is_one")).subquery("one")
_OFFER = Prepared(
    select(
        next_number("OW", order_numbers).label("order_number"),
        select(customers.c.id).where(_BUYER).scalar_subquery().label("customer_id"),
        *variants.c,
        *_LEVELS.c,
    ).select_from(_ONE.outerjoin(variants, _WANTED).outerjoin(_LEVELS, _LEVELS.c.variant_id == variants.c.id))
)
"""A row for each level of a wanted variant, one for a variant that has none, and one at least."""

_LEVEL = 2 + len(variants.c)
"""Where the columns of the level begin."""


class SqlOfferStore:
    """Offers, for commands."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def make(self, skus: Collection[str], customer_id: UUID | None, user_id: UUID | None) -> Offer:
        given = {"keys": sorted(skus), "customer_id": customer_id, "user_id": user_id if customer_id is None else None}
        rows = await self._connection.fetch(_OFFER.text, _OFFER.bind(given))
        found = {row["sku"]: row for row in rows if row[2] is not None}
        levels = [LockedLevel(*row[_LEVEL:]) for row in rows if row[_LEVEL] is not None]
        by_sku = {sku: to_variant(row[2:_LEVEL]) for sku, row in found.items()}
        return Offer(rows[0]["order_number"], rows[0]["customer_id"], by_sku, levels)
