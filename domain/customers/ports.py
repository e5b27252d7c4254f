"""What queries and commands need to know of customers."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.customers.model import Address, Customer
from domain.reading import Reader
from domain.users.model import User


class CustomerStore(Protocol):
    """Customers, for commands."""

    async def of_user(self, user: User) -> Customer:
        """The customer that belongs to a user, made now if there is none yet."""
        ...


class CustomerReader(Reader[Customer], Protocol):
    """Customers, for queries."""

    async def by_user_ids(self, viewer: Actor, user_ids: Sequence[UUID]) -> Mapping[UUID, Customer]: ...

    async def addresses_of(self, viewer: Actor, customer_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Address]]: ...
