"""What the order commands and queries need from the outside."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.catalog.ports import CatalogStore
from domain.customers.ports import CustomerStore
from domain.inventory.ports import StockGuard
from domain.money import Money
from domain.orders.model import Adjustment, Offer, Order, OrderLine, OrderReturn, ReturnLine, StockEffect
from domain.reading import Page, PageRequest, Reader
from domain.unit_of_work import UnitOfWork
from domain.users.ports import UserStore


class OfferStore(Protocol):
    """Offers, for commands."""

    async def make(self, skus: Collection[str], customer_id: UUID | None, user_id: UUID | None) -> Offer:
        """What an order of these SKUs is placed on; without a customer, for that of the user.

        Locks the levels of the goods in key order, so that two orders never wait for each other in a circle.
        """
        ...


class OrderStore(Protocol):
    """Orders, for commands."""

    async def get_for_update(self, viewer: Actor, order_id: UUID) -> Order | None:
        """The order, locked until the transaction ends; None where the viewer may not know of it."""
        ...

    async def get(self, order_id: UUID) -> Order | None: ...

    async def next_expired(self, before: datetime, last: Order | None) -> Order | None:
        """The oldest order that is pending since before a moment, locked until the transaction ends.

        With `last`, the oldest of those that were placed after that one. Those that somebody else has locked are
        passed over.
        """
        ...

    async def lines(self, order_id: UUID) -> Sequence[OrderLine]:
        """The lines of an order, by position."""
        ...

    async def add(
        self,
        number: str,
        customer_id: UUID,
        placed_by: UUID | None,
        total: Money,
        country: str | None,
        notes: str | None,
    ) -> Order:
        """Store a new pending order, under the number of its offer."""
        ...

    async def add_lines(self, lines: Sequence[OrderLine]) -> None: ...

    async def save(self, order: Order) -> Order:
        """Store the status and version of a locked order; returns it with the time of the change."""
        ...


class ReturnStore(Protocol):
    """Returns, for commands."""

    async def get(self, return_id: UUID) -> OrderReturn | None: ...

    async def units_returned(self, order_id: UUID) -> Mapping[int, int]:
        """The units taken back so far, by the position of the order line."""
        ...

    async def add(self, order: Order, total: Money) -> OrderReturn:
        """Store a return of an order under the next number."""
        ...

    async def add_lines(self, lines: Sequence[ReturnLine]) -> None: ...


class MovementStore(Protocol):
    """Movements of stock, for commands."""

    async def just_made(self, viewer: Actor, order_id: UUID) -> Sequence[StockEffect]:
        """What this transaction has moved for an order, as far as the viewer may see stock."""
        ...


class OrdersUnitOfWork(UnitOfWork, Protocol):
    """The transaction of an order command."""

    @property
    def users(self) -> UserStore: ...

    @property
    def customers(self) -> CustomerStore: ...

    @property
    def catalog(self) -> CatalogStore: ...

    @property
    def offers(self) -> OfferStore: ...

    @property
    def orders(self) -> OrderStore: ...

    @property
    def returns(self) -> ReturnStore: ...

    @property
    def movements(self) -> MovementStore: ...

    @property
    def stock(self) -> StockGuard: ...


class OrderReader(Reader[Order], Protocol):
    """Orders, for queries."""

    async def by_numbers(self, viewer: Actor, numbers: Sequence[str]) -> Mapping[str, Order]: ...

    async def lines_of(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderLine]]: ...

    async def pages_of_customers(
        self, viewer: Actor, customer_ids: Sequence[UUID], page: PageRequest
    ) -> Mapping[UUID, Page[Order]]:
        """The same page of each customer's orders, newest first, in one statement."""
        ...

    async def counts_of_customers(self, viewer: Actor, customer_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """How many orders each customer has; those without any are left out."""
        ...


class OrderReturnReader(Reader[OrderReturn], Protocol):
    """Returns, for queries."""

    async def of_orders(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderReturn]]: ...

    async def units_left(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """The units of each order that have not come back."""
        ...

    async def lines_of(self, viewer: Actor, return_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[ReturnLine]]: ...


AdjustmentReader = Reader[Adjustment]
