"""Orders for tests: placed through the schema, or put straight into the tables where many or old ones are wanted."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from support.shop import Shop

from db.base import new_id
from db.engine import Database
from db.orders import order_lines, orders
from db.returns import adjustments, return_lines, returns
from domain.actor import Actor
from domain.orders.model import OrderStatus

SPRING = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday noon, when the orders of the tests begin."""

Line = tuple[UUID, int, str]
"""A variant, a quantity and a unit price."""

PLACE = """
mutation ($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id number status version total { amount currencyCode } }
    userErrors { __typename code message field ... on InsufficientStock { sku requested available } }
  }
}
"""

MOVE = """
mutation ($input: Order%(name)sInput!) {
  order%(name)s(input: $input) {
    order { id status version allowedActions { action allowed reason } }
    userErrors {
      __typename code message field
      ... on IllegalTransition { from to allowed }
      ... on VersionConflict { current }
      ... on InsufficientStock { sku requested available }
      ... on ReturnExceeds { position requested returnable }
    }
  }
}
"""


async def try_place(shop: Shop, buyer: Actor | None, *lines: tuple[str, int], **given: Any) -> dict[str, Any]:
    """The whole payload of `orderPlace`."""
    wanted = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    return (await shop.get(PLACE, buyer, input={"lines": wanted, **given}))["orderPlace"]


async def place(shop: Shop, buyer: Actor, *lines: tuple[str, int], **given: Any) -> dict[str, Any]:
    """The order that a buyer places, who must not be refused."""
    payload = await try_place(shop, buyer, *lines, **given)
    assert payload["userErrors"] == []
    return payload["order"]


async def move(shop: Shop, actor: Actor | None, action: str, order: str, **given: Any) -> dict[str, Any]:
    """The whole payload of `orderApprove` or another move; `order` is a global id."""
    name = action.capitalize()
    return (await shop.get(MOVE % {"name": name}, actor, input={"id": order, **given}))[f"order{name}"]


async def make_order(
    database: Database,
    number: str = "A1",
    *,
    customer: UUID | None = None,
    placed_by: Actor | None = None,
    status: OrderStatus = OrderStatus.PENDING,
    placed_at: datetime = SPRING,
    country: str | None = None,
    total: str | None = None,
    currency: str = "GBP",
    lines: Sequence[Line] = (),
    is_approved: bool | None = None,
) -> UUID:
    """The key of an order in any state, with its lines but without reservations."""
    key = new_id()
    value = sum((Decimal(price) * quantity for _, quantity, price in lines), Decimal(0))
    sold = {OrderStatus.APPROVED, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.RETURNED}
    approved = status in sold if is_approved is None else is_approved
    values = {
        "id": key,
        "number": number,
        "customer_id": customer,
        "placed_by": placed_by.user_id if placed_by else None,
        "status": status,
        "total": value if total is None else Decimal(total),
        "currency": currency,
        "country": country,
        "placed_at": placed_at,
        "approved_at": placed_at if approved else None,
    }
    await database.execute(insert(orders).values(**values))
    if lines:
        await database.execute(insert(order_lines), _line_rows("order_id", key, lines, currency))
    return key


async def make_orders(
    database: Database, count: int, customers: Sequence[UUID], lines: Sequence[Line] = (), start: int = 0
) -> list[UUID]:
    """The keys of many pending orders, an hour apart, by the customers in turn, all with the same lines."""
    keys = [new_id() for _ in range(count)]
    value = sum((Decimal(price) * quantity for _, quantity, price in lines), Decimal(0))
    rows = [
        {
            "id": key,
            "number": f"M{index:05}",
            "customer_id": customers[index % len(customers)],
            "status": OrderStatus.PENDING,
            "total": value,
            "currency": "GBP",
            "placed_at": SPRING + timedelta(hours=index),
        }
        for index, key in enumerate(keys, start)
    ]
    await database.execute(insert(orders), rows)
    if lines:
        all_lines = [row for key in keys for row in _line_rows("order_id", key, lines, "GBP")]
        await database.execute(insert(order_lines), all_lines)
    return keys


async def make_return(
    database: Database,
    number: str = "C1",
    *,
    order: UUID | None = None,
    customer: UUID | None = None,
    country: str | None = None,
    returned_at: datetime = SPRING,
    lines: Sequence[Line] = (),
) -> UUID:
    """The key of a return with its lines."""
    key = new_id()
    value = sum((Decimal(price) * quantity for _, quantity, price in lines), Decimal(0))
    values = {"id": key, "number": number, "order_id": order, "customer_id": customer, "country": country}
    await database.execute(insert(returns).values(**values, total=value, currency="GBP", returned_at=returned_at))
    if lines:
        await database.execute(insert(return_lines), _line_rows("return_id", key, lines, "GBP"))
    return key


async def make_adjustment(
    database: Database, number: str = "B1", position: int = 1, amount: str = "-5.00", adjusted_at: datetime = SPRING
) -> UUID:
    key = new_id()
    values = {"id": key, "number": number, "position": position, "reason": "Bad debt", "currency": "GBP"}
    await database.execute(insert(adjustments).values(**values, amount=Decimal(amount), adjusted_at=adjusted_at))
    return key


def _line_rows(owner: str, key: UUID, lines: Sequence[Line], currency: str) -> list[dict[str, Any]]:
    return [
        {
            owner: key,
            "position": position,
            "variant_id": variant,
            "description": f"Line {position}",
            "quantity": quantity,
            "unit_price": Decimal(price),
            "currency": currency,
        }
        for position, (variant, quantity, price) in enumerate(lines, start=1)
    ]
