"""What the running transaction has moved, for commands that tell what they would do."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text

from db.engine import Connection
from db.inventory import stock_movements, visible_to, warehouses
from domain.actor import Actor
from domain.inventory.model import MovementKind
from domain.orders.model import StockEffect


class SqlMovementStore:
    """Movements, for commands."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def just_made(self, viewer: Actor, order_id: UUID) -> Sequence[StockEffect]:
        # xmin is the transaction that wrote the row.
        is_ours = text("stock_movements.xmin = pg_current_xact_id()::xid")
        columns = (stock_movements.c[name] for name in ("variant_id", "warehouse_id", "kind", "quantity"))
        query = (
            select(*columns)
            .join(warehouses)
            .where(stock_movements.c.order_id == order_id, is_ours, visible_to(viewer))
            .order_by(stock_movements.c.variant_id, warehouses.c.priority, warehouses.c.code)
        )
        rows = (await self._connection.execute(query)).all()
        return [StockEffect(row.variant_id, row.warehouse_id, MovementKind(row.kind), row.quantity) for row in rows]
