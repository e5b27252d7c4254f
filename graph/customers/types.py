"""Customer and address."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from domain.customers import model
from graph.context import Info
from graph.fields import batched, relation
from graph.node import Node, node_type, object_type
from graph.paging import EMPTY, After, Before, Connected, Connection, First, Last, page_request
from graph.users.types import User

if TYPE_CHECKING:
    from graph.orders.types import Order

LazyOrder = Annotated["Order", strawberry.lazy("graph.orders.types")]


@object_type(model.Address, "Where a customer is.")
class Address:
    """An address."""

    line1: str | None = strawberry.field(description="Street and number.")
    line2: str | None = strawberry.field(description="What does not fit in the first line.")
    city: str | None = strawberry.field(description="The town.")
    postal_code: str | None = strawberry.field(description="The postal code.")
    country: str = strawberry.field(description="The country, as the shop writes it.")


async def _orders(
    roots: Sequence[model.Customer],
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> list[Connected]:
    loaders = info.context.loaders
    keys = [root.id for root in roots]
    pages = await loaders.orders_of_customer(page_request(first, after, last, before)).load_all(keys)

    def counting(key: UUID) -> Callable[[], Awaitable[int]]:
        async def count() -> int:
            return await loaders.order_count_of_customer.load(key) or 0

        return count

    return [Connected(page or EMPTY, counting(key)) for key, page in zip(keys, pages, strict=True)]


@node_type(model.Customer, "customer", "A party who buys.")
class Customer(Node):
    """A customer, with what they ordered."""

    reference: str | None = strawberry.field(description="The shop's own number for the customer.")
    name: str = strawberry.field(description="The name.")
    email: str | None = strawberry.field(description="The e-mail address.")
    created_at: datetime = strawberry.field(description="Since when the shop knows the customer.")
    user: User | None = relation(User | None, "user", "user_id", "The user who buys as this customer.")
    addresses: list[Address] = relation(list[Address], "addresses_of_customer", "id", "Where the customer is.")

    orders: Connection[LazyOrder] = batched(Connection[LazyOrder], _orders, "The customer's orders, newest first.")
