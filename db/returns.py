"""Returns with their lines, and adjustments: tables and the reader for queries."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    any_,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    text,
    true,
)
from sqlalchemy import (
    Sequence as DbSequence,
)

from db import orders as order_tables
from db.base import id_column, metadata, money_columns, new_id, now, search_index, timestamp
from db.customers import customers
from db.engine import Transaction
from db.orders import next_number, orders
from db.reading import TableReader, grouped
from db.sheets import Sheet, Sheets, money
from db.statements import Row, compiled_once, with_keys
from domain.actor import Actor, Scope
from domain.money import Money
from domain.orders.model import Adjustment, Order, OrderReturn, ReturnLine

return_numbers = DbSequence("return_numbers", metadata=metadata)

returns = Table(
    "returns",
    metadata,
    id_column(),
    Column("number", Text(collation="C"), nullable=False, unique=True),
    Column("order_id", Uuid, ForeignKey("orders.id")),
    Column("customer_id", Uuid, ForeignKey("customers.id")),
    Column("country", Text),
    *money_columns("total"),
    timestamp("returned_at"),
    Index("returns_returned_at_idx", "returned_at", "id"),
    Index("returns_order_id_idx", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    Index("returns_customer_id_idx", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
    search_index("returns", "number"),
)

return_lines = Table(
    "return_lines",
    metadata,
    Column("return_id", Uuid, ForeignKey("returns.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, CheckConstraint("position > 0", name="position"), primary_key=True),
    # The line taken back, where known: the lines of one credit note may go back to several orders.
    Column("order_id", Uuid),
    Column("order_line_position", Integer),
    Column("variant_id", Uuid, ForeignKey("variants.id"), nullable=False, index=True),
    Column("description", Text),
    Column("quantity", Integer, CheckConstraint("quantity > 0", name="quantity"), nullable=False),
    *money_columns("unit_price"),
    ForeignKeyConstraint(["order_id", "order_line_position"], ["order_lines.order_id", "order_lines.position"]),
    CheckConstraint("(order_id IS NULL) = (order_line_position IS NULL)", name="order_line"),
    Index(
        "return_lines_order_id_idx",
        "order_id",
        "order_line_position",
        postgresql_where=text("order_id IS NOT NULL"),
    ),
)

adjustments = Table(
    "adjustments",
    metadata,
    id_column(),
    Column("number", Text(collation="C"), nullable=False),
    Column("position", Integer, CheckConstraint("position > 0", name="position"), nullable=False),
    Column("reason", Text),
    *money_columns("amount"),
    Column("country", Text),
    timestamp("adjusted_at"),
    UniqueConstraint("number", "position"),
    Index("adjustments_adjusted_at_idx", "adjusted_at", "id"),
)


def visible_to(viewer: Actor) -> ColumnElement[bool]:
    """The one place that says which returns a viewer may see: all, or those of their own orders."""
    if viewer.has(Scope.ORDERS_READ):
        return true()
    if viewer.user_id is None:
        return false()
    own = select(customers.c.id).where(customers.c.user_id == viewer.user_id).scalar_subquery()
    # As an array it is found once, and both sides of the OR can use their index.
    ordered = select(orders.c.id).where(order_tables.visible_to(viewer)).scalar_subquery()
    return or_(returns.c.customer_id == own, returns.c.order_id == any_(func.array(ordered)))


def _adjustments_visible_to(viewer: Actor) -> ColumnElement[bool]:
    return true() if viewer.has(Scope.ORDERS_READ) else false()


def _visible(viewer: Actor) -> Select[Any]:
    return select(returns).where(visible_to(viewer))


def _visible_lines(viewer: Actor) -> Select[Any]:
    return select(return_lines).where(exists().where(returns.c.id == return_lines.c.return_id, visible_to(viewer)))


TOTAL = money("total", returns.c.total, returns.c.currency)

SHEETS: Sheets = {
    "adjustment": Sheet(
        adjustments.c.id,
        lambda viewer: select(adjustments).where(_adjustments_visible_to(viewer)),
        attributes=money("amount", adjustments.c.amount, adjustments.c.currency),
    ),
    "order_return": Sheet(returns.c.id, _visible, attributes=TOTAL),
    "returns_of_order": Sheet(
        returns.c.order_id, _visible, order=(returns.c.returned_at, returns.c.id), attributes=TOTAL
    ),
    "lines_of_return": Sheet(
        return_lines.c.return_id,
        _visible_lines,
        order=(return_lines.c.position,),
        attributes={
            **money("unit_price", return_lines.c.unit_price, return_lines.c.currency),
            **money("total", return_lines.c.unit_price * return_lines.c.quantity, return_lines.c.currency),
        },
    ),
}


def to_return(row: Row) -> OrderReturn:
    return OrderReturn(
        row.id,
        row.number,
        row.order_id,
        row.customer_id,
        row.country,
        Money(row.total, row.currency),
        row.returned_at,
    )


class OrderReturnReader(TableReader[OrderReturn]):
    """Returns that the viewer may see."""

    table = returns
    sorts = {"RETURNED_AT": returns.c.returned_at, "NUMBER": returns.c.number}
    filters = {
        "number": returns.c.number,
        "returned_at": returns.c.returned_at,
        "customer": returns.c.customer_id,
        "country": returns.c.country,
    }

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return visible_to(viewer)

    def build(self, row: Row) -> OrderReturn:
        return to_return(row)

    async def of_orders(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[OrderReturn]]:
        return grouped(await self._database.fetch(*_of_orders(viewer, {"keys": order_ids})), "order_id", self.build)

    async def units_left(self, viewer: Actor, order_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        rows = await self._database.fetch(*_units_left(viewer, {"keys": order_ids}))
        return {row.order_id: int(row.units) for row in rows}

    async def lines_of(self, viewer: Actor, return_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[ReturnLine]]:
        return grouped(await self._database.fetch(*_lines_of(viewer, {"keys": return_ids})), "return_id", _to_line)


_of_orders = compiled_once(SHEETS["returns_of_order"].with_keys)


@compiled_once
def _units_left(viewer: Actor) -> Select[Any, Any]:
    lines = order_tables.order_lines
    line_of = (return_lines.c.order_id == lines.c.order_id) & (return_lines.c.order_line_position == lines.c.position)
    back = select(func.coalesce(func.sum(return_lines.c.quantity), 0)).where(line_of).scalar_subquery()
    return (
        select(lines.c.order_id, func.sum(func.greatest(lines.c.quantity - back, 0)).label("units"))
        .where(with_keys(lines.c.order_id))
        .where(exists().where(orders.c.id == lines.c.order_id, order_tables.visible_to(viewer)))
        .group_by(lines.c.order_id)
    )


_lines_of = compiled_once(SHEETS["lines_of_return"].with_keys)


class AdjustmentReader(TableReader[Adjustment]):
    """Adjustments, for those who may read all orders."""

    table = adjustments
    sorts = {"ADJUSTED_AT": adjustments.c.adjusted_at}
    filters = {"number": adjustments.c.number, "adjusted_at": adjustments.c.adjusted_at}

    def visible_to(self, viewer: Actor) -> ColumnElement[bool]:
        return _adjustments_visible_to(viewer)

    def build(self, row: Row) -> Adjustment:
        amount = Money(row.amount, row.currency)
        return Adjustment(row.id, row.number, row.position, row.reason, amount, row.country, row.adjusted_at)


class SqlReturnStore:
    """Returns, for commands."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def get(self, return_id: UUID) -> OrderReturn | None:
        row = (await self._connection.execute(select(returns).where(returns.c.id == return_id))).one_or_none()
        return to_return(row) if row else None

    async def units_returned(self, order_id: UUID) -> Mapping[int, int]:
        position = return_lines.c.order_line_position
        query = (
            select(position, func.sum(return_lines.c.quantity).label("units"))
            .where(return_lines.c.order_id == order_id)
            .group_by(position)
        )
        return {row.order_line_position: row.units for row in (await self._connection.execute(query)).all()}

    async def add(self, order: Order, total: Money) -> OrderReturn:
        statement = insert(returns).values(
            id=new_id(),
            number=next_number("RT", return_numbers),
            order_id=order.id,
            customer_id=order.customer_id,
            country=order.country,
            total=total.amount,
            currency=total.currency_code,
            returned_at=now(),
        )
        return to_return((await self._connection.execute(statement.returning(returns))).one())

    async def add_lines(self, lines: Sequence[ReturnLine]) -> None:
        rows = [
            {
                "return_id": line.return_id,
                "position": line.position,
                "order_id": line.order_id,
                "order_line_position": line.order_line_position,
                "variant_id": line.variant_id,
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": line.unit_price.amount,
                "currency": line.unit_price.currency_code,
            }
            for line in lines
        ]
        await self._connection.insert(return_lines, rows)


def _to_line(row: Row) -> ReturnLine:
    return ReturnLine(
        row.return_id,
        row.position,
        row.order_id,
        row.order_line_position,
        row.variant_id,
        row.description,
        row.quantity,
        Money(row.unit_price, row.currency),
    )
