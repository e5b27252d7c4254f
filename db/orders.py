"""Orders and their lines: tables, the store for commands, the reader for queries."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    ScalarSelect,
    Select,
    Table,
    Text,
    Uuid,
    exists,
    false,
    func,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy import (
    Sequence as DbSequence,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.base import check_in, id_column, metadata, money_columns, new_id, now, search_index, timestamp
from db.customers import customers
from db.engine import Transaction
from db.reading import SIZE, Keyset, TableReader, Window, grouped
from db.sheets import Sheet, Sheets, money
from db.statements import Row, compiled_once, later, with_keys
from domain.actor import Actor, Scope
from domain.money import Money
from domain.orders.model import COUNTRY_MAX, NOTES_MAX, Order, OrderLine, OrderStatus
from domain.reading import Page, PageRequest, Sort

order_numbers = DbSequence("order_numbers", metadata=metadata)

orders = Table(
    "orders",
    metadata,
    id_column(),
    Column("number", Text(collation="C"), nullable=False, unique=True),
    Column("customer_id", Uuid, ForeignKey("customers.id")),
    Column("placed_by", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    Column("status", Text, check_in("status", OrderStatus), nullable=False),
    *money_columns("total"),
    # As the shop writes it at the time of sale; a customer may move.
    Column("country", Text, CheckConstraint(f"length(country) <= {COUNTRY_MAX}", name="country")),
    Column("notes", Text, CheckConstraint(f"length(notes) <= {NOTES_MAX}", name="notes")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    timestamp("placed_at"),
    timestamp("approved_at", nullable=True),
    timestamp("updated_at"),
    Index("orders_placed_at_idx", "placed_at", "id"),
    Index("orders_status_idx", "status", "placed_at", "id"),
    Index("orders_country_idx", "country", "placed_at", "id", postgresql_where=text("country IS NOT NULL")),
    Index("orders_customer_id_idx", "customer_id", "placed_at", "id"),
    Index("orders_total_idx", "total", "id"),
    Index("orders_placed_by_idx", "placed_by", postgresql_where=text("placed_by IS NOT NULL")),
    search_index("orders", "number"),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    # The place of the line is its key: one order may list a variant more than once.
    Column("position", Integer, CheckConstraint("position > 0", name="position"), primary_key=True),
    Column("variant_id", Uuid, ForeignKey("variants.id"), nullable=False, index=True),
    Column("description", Text),
    Column("quantity", Integer, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    *money_columns("unit_price"),
)

NEWEST_FIRST = Keyset(Sort("PLACED_AT", descending=True), orders.c.placed_at, orders.c.id)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says which orders a viewer may see: all, or those they placed or bought."""
    if viewer.has(Scope.ORDERS_READ):
        return true()
    if viewer.user_id is None:
        return false()
    own = select(customers.c.id).where(customers.c.user_id == viewer.user_id).scalar_subquery()
    return or_(orders.c.placed_by == viewer.user_id, orders.c.customer_id == own)


def _visible_lines(viewer: Actor) -> Select[Any]:
    if viewer.has(Scope.ORDERS_READ):
        return select(order_lines)
    return select(order_lines).where(exists().where(orders.c.id == order_lines.c.order_id, visible_to(viewer)))


SHEETS: Sheets = {
    "order": Sheet(
        orders.c.id,
        lambda viewer: select(orders).where(visible_to(viewer)),
        attributes=money("total", orders.c.total, orders.c.currency),
    ),
    "lines_of_order": Sheet(
        order_lines.c.order_id,
        _visible_lines,
        order=(order_lines.c.position,),
        attributes={
            **money("unit_price", order_lines.c.unit_price, order_lines.c.currency),
            **money("total", order_lines.c.unit_price * order_lines.c.quantity, order_lines.c.currency),
        },
    ),
}

STATUSES = {each.value: each for each in OrderStatus}


def to_order(row: Row) -> Order:
    key, number, customer, placed_by, status, total, currency, country, notes, version, placed_at, _, updated_at = row
    status, total = STATUSES[status], Money(total, currency)
    return Order(key, number, customer, placed_by, status, total, country, notes, version, placed_at, updated_at)


class OrderReader(TableReader[Order]):
    """Orders that the viewer may see."""

    table = orders
    sorts = {"PLACED_AT": orders.c.placed_at, "NUMBER": orders.c.number, "TOTAL": orders.c.total}
    filters = {
        "status": orders.c.status,
        "number": orders.c.number,
        "placed_at": orders.c.placed_at,
        "total": orders.c.total,
        "customer": orders.c.customer_id,
        "country": orders.c.country,
    }

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> Order:
        return to_order(row)

    async def by_numbers(self, viewer: Actor, numbers: Sequence[str]) -> Mapping[str, Order]:
        return await self.by_key(viewer, orders.c.number, numbers)

    async def lines_of(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderLine]]:
        return grouped(await self._database.fetch(*_lines_of(viewer, {"keys": order_ids})), "order_id", _to_line)

    async def pages_of_customers(
        self, viewer: Actor, customer_ids: Sequence[UUID], page: PageRequest
    ) -> Mapping[UUID, Page[Order]]:
        values = NEWEST_FIRST.values(page) | {"keys": customer_ids}
        rows = await self._database.fetch(*_pages_of_customers(viewer, values, Window.of(page)))
        by_customer = grouped(rows, "customer_id", lambda row: row)
        return {
            customer_id: NEWEST_FIRST.page(by_customer.get(customer_id, ()), page, to_order)
            for customer_id in customer_ids
        }

    async def counts_of_customers(self, viewer: Actor, customer_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        rows = await self._database.fetch(*_counts_of_customers(viewer, {"keys": customer_ids}))
        return {row.customer_id: row.orders for row in rows}


_lines_of = compiled_once(SHEETS["lines_of_order"].with_keys)


@compiled_once
def _pages_of_customers(viewer: Actor, window: Window) -> Select[Any]:
    keys = func.unnest(later("keys", ARRAY(Uuid))).table_valued("customer_key", name="keys").render_derived()
    own = select(orders).where(visible_to(viewer), orders.c.customer_id == keys.c.customer_key)
    cut = NEWEST_FIRST.apply(own, window, SIZE).lateral()
    # A join promises no order, whatever the order of the rows that it joins.
    return NEWEST_FIRST.ordered(select(cut).select_from(keys).join(cut, true()), window, cut.c)


@compiled_once
def _counts_of_customers(viewer: Actor) -> Select[Any, int]:
    return (
        select(orders.c.customer_id, func.count().label("orders"))
        .where(with_keys(orders.c.customer_id), visible_to(viewer))
        .group_by(orders.c.customer_id)
    )


class SqlOrderStore:
    """Orders, for commands."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def get_for_update(self, viewer: Actor, order_id: UUID) -> Order | None:
        query = select(orders).where(orders.c.id == order_id, visible_to(viewer)).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return to_order(row) if row else None

    async def get(self, order_id: UUID) -> Order | None:
        row = (await self._connection.execute(select(orders).where(orders.c.id == order_id))).one_or_none()
        return to_order(row) if row else None

    async def next_expired(self, before: datetime, last: Order | None) -> Order | None:
        place = tuple_(orders.c.placed_at, orders.c.id)
        query = (
            select(orders)
            .where(orders.c.status == OrderStatus.PENDING, orders.c.placed_at < before)
            .where(true() if last is None else place > tuple_(last.placed_at, last.id))
            .order_by(orders.c.placed_at, orders.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return to_order(row) if row else None

    async def lines(self, order_id: UUID) -> Sequence[OrderLine]:
        query = select(order_lines).where(order_lines.c.order_id == order_id).order_by(order_lines.c.position)
        return [_to_line(row) for row in (await self._connection.execute(query)).all()]

    async def add(
        self,
        number: str,
        customer_id: UUID,
        placed_by: UUID | None,
        total: Money,
        country: str | None,
        notes: str | None,
    ) -> Order:
        key, moment = new_id(), now()
        values = {
            "id": key,
            "number": number,
            "customer_id": customer_id,
            "placed_by": placed_by,
            "status": OrderStatus.PENDING,
            "total": total.amount,
            "currency": total.currency_code,
            "country": country,
            "notes": notes,
            "version": 1,
            "placed_at": moment,
            "updated_at": moment,
        }
        await self._connection.insert(orders, [values])
        status = OrderStatus.PENDING
        return Order(key, number, customer_id, placed_by, status, total, country, notes, 1, moment, moment)

    async def add_lines(self, lines: Sequence[OrderLine]) -> None:
        rows = [
            {
                "order_id": line.order_id,
                "position": line.position,
                "variant_id": line.variant_id,
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": line.unit_price.amount,
                "currency": line.unit_price.currency_code,
            }
            for line in lines
        ]
        await self._connection.insert(order_lines, rows)

    async def save(self, order: Order) -> Order:
        moment = now()
        values = {"id": order.id, "status": order.status, "version": order.version, "updated_at": moment}
        if order.status is OrderStatus.APPROVED:
            values["approved_at"] = moment
        await self._connection.update(orders, [values])
        return replace(order, updated_at=moment)


def next_number(prefix: str, sequence: DbSequence) -> ScalarSelect[str]:
    """The next number of a series of documents, as people read it: OW-000042."""
    drawn = select(func.nextval(sequence.name).cast(Text).label("number")).subquery()
    # lpad alone would cut what is longer.
    padded = func.lpad(drawn.c.number, func.greatest(6, func.length(drawn.c.number)), "0")
    return select(func.concat(f"{prefix}-", padded)).scalar_subquery()


def _to_line(row: Row) -> OrderLine:
    order_id, position, variant_id, description, quantity, unit_price, currency = row
    return OrderLine(order_id, position, variant_id, description, quantity, Money(unit_price, currency))
