"""Customers and their addresses: tables, the store for commands, the reader for queries."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    Table,
    Text,
    Uuid,
    exists,
    false,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from db.base import id_column, metadata, new_id, search_index, timestamp
from db.engine import Connection
from db.reading import TableReader, grouped
from db.sheets import Sheet, Sheets
from db.statements import Row, compiled_once
from domain.actor import Actor, Scope
from domain.customers.model import Address, Customer
from domain.users.model import User

customers = Table(
    "customers",
    metadata,
    id_column(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="SET NULL"), unique=True),
    Column("reference", Text, unique=True),
    Column("name", Text, nullable=False),
    Column("email", Text),
    timestamp("created_at"),
    Index("customers_created_at_idx", "created_at", "id"),
    Index("customers_name_idx", "name", "id"),
    search_index("customers", "name", "reference", "email"),
)

addresses = Table(
    "addresses",
    metadata,
    id_column(),
    Column("customer_id", Uuid, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("line1", Text),
    Column("line2", Text),
    Column("city", Text),
    Column("postal_code", Text),
    Column("country", Text, nullable=False),
)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says which customers a viewer may see."""
    if viewer.has(Scope.ORDERS_READ):
        return true()
    return customers.c.user_id == viewer.user_id if viewer.user_id else false()


def to_customer(row: Row) -> Customer:
    return Customer(*row)


def _visible(viewer: Actor) -> Select[Any]:
    return select(customers).where(visible_to(viewer))


def _visible_addresses(viewer: Actor) -> Select[Any]:
    return select(addresses).where(exists().where(customers.c.id == addresses.c.customer_id, visible_to(viewer)))


SHEETS: Sheets = {
    "customer": Sheet(customers.c.id, _visible),
    "customer_of_user": Sheet(customers.c.user_id, _visible),
    "addresses_of_customer": Sheet(addresses.c.customer_id, _visible_addresses, order=(addresses.c.id,)),
}


class CustomerReader(TableReader[Customer]):
    """Customers that the viewer may see."""

    table = customers
    sorts = {"CREATED_AT": customers.c.created_at, "NAME": customers.c.name}
    filters = {
        "name": customers.c.name,
        "reference": customers.c.reference,
        "email": customers.c.email,
        "created_at": customers.c.created_at,
    }

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> Customer:
        return to_customer(row)

    async def by_user_ids(self, viewer: Actor, user_ids: Sequence[UUID]) -> Mapping[UUID, Customer]:
        return await self.by_key(viewer, customers.c.user_id, user_ids)

    async def addresses_of(self, viewer: Actor, customer_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Address]]:
        rows = await self._database.fetch(*_addresses_of(viewer, {"keys": customer_ids}))
        return grouped(rows, "customer_id", _to_address)


_addresses_of = compiled_once(SHEETS["addresses_of_customer"].with_keys)


class SqlCustomerStore:
    """Customers, for commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of_user(self, user: User) -> Customer:
        values = {"id": new_id(), "user_id": user.id, "name": user.username, "email": user.email}
        # Two first orders of one user may race: the second finds what the first made.
        await self._connection.execute(
            upsert(customers).values(values).on_conflict_do_nothing(index_elements=["user_id"])
        )
        query = select(customers).where(customers.c.user_id == user.id)
        return to_customer((await self._connection.execute(query)).one())


def _to_address(row: Row) -> Address:
    return Address(row.id, row.customer_id, row.line1, row.line2, row.city, row.postal_code, row.country)
