"""Warehouse, stock level and stock movement."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.inventory import model
from domain.inventory.model import MovementKind
from graph.catalog.types import Variant
from graph.enums import register
from graph.fields import relation
from graph.node import Node, node_type
from graph.users.types import User

if TYPE_CHECKING:
    from graph.orders.types import Order

LazyOrder = Annotated["Order", strawberry.lazy("graph.orders.types")]

register(
    MovementKind,
    "Why a stock level changed.",
    {
        MovementKind.OPENING: "The stock at the start of the ledger.",
        MovementKind.RECEIPT: "Goods came in.",
        MovementKind.RESERVATION: "Units were reserved for an order.",
        MovementKind.RELEASE: "Units reserved for an order became free again.",
        MovementKind.SHIPMENT: "Units left for a customer.",
        MovementKind.RETURN: "Units came back from a customer.",
        MovementKind.WRITE_OFF: "Units were damaged, lost or miscounted.",
        MovementKind.ADJUSTMENT: "A count showed another number.",
        MovementKind.TRANSFER: "Units went from one warehouse to another: less in the one, more in the other.",
    },
)


@node_type(model.Warehouse, "warehouse", "A place where goods lie.")
class Warehouse(Node):
    """A warehouse."""

    code: str = strawberry.field(description="The short code, such as LON.")
    name: str = strawberry.field(description="The name.")
    priority: int = strawberry.field(description="Warehouses with a lower number are asked for goods first.")


@node_type(model.StockLevel, "stock_level", "How much of a variant lies in a warehouse.")
class StockLevel(Node):
    """A stock level."""

    on_hand: int = strawberry.field(description="Units in the warehouse.")
    reserved: int = strawberry.field(description="Units of those that are promised to orders.")
    available: int = strawberry.field(description="`onHand` less `reserved`: what can still be promised.")
    reorder_point: int = strawberry.field(
        description="At or below this many available units the level is low; 0 if it never is."
    )
    variant: Variant | None = relation(Variant | None, "variant", "variant_id", "What lies there.")
    warehouse: Warehouse | None = relation(Warehouse | None, "warehouse", "warehouse_id", "Where it lies.")


@node_type(model.StockMovement, "stock_movement", "One line of the ledger: what changed a stock level.")
class StockMovement(Node):
    """A movement; movements are added, never changed."""

    kind: MovementKind = strawberry.field(description="Why the level changed.")
    quantity: int = strawberry.field(
        description="The signed change: of the reserved units for RESERVATION and RELEASE, else of those on hand."
    )
    on_hand_before: int = strawberry.field(description="Units on hand before.")
    on_hand_after: int = strawberry.field(description="Units on hand after.")
    reserved_before: int = strawberry.field(description="Units reserved before.")
    reserved_after: int = strawberry.field(description="Units reserved after.")
    reason: str | None = strawberry.field(description="The reason somebody gave.")
    reference: str | None = strawberry.field(description="The document it follows from, such as an invoice.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    variant: Variant | None = relation(Variant | None, "variant", "variant_id", "What moved.")
    warehouse: Warehouse | None = relation(Warehouse | None, "warehouse", "warehouse_id", "Where.")
    order: LazyOrder | None = relation(LazyOrder | None, "order", "order_id", "The order it served.")
    actor: User | None = relation(User | None, "user", "actor_id", "Who did it; null for the system or where hidden.")
