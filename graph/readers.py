"""Everything that queries read from, by the promise of each reader alone."""

from dataclasses import dataclass

from domain.catalog.ports import ProductReader, VariantReader
from domain.customers.ports import CustomerReader
from domain.events.ports import EventReader
from domain.inventory.ports import StockLevelReader, StockMovementReader, WarehouseReader
from domain.orders.ports import AdjustmentReader, OrderReader, OrderReturnReader
from domain.reports.ports import ReportReader
from domain.roles.ports import RoleReader
from domain.users.ports import UserReader
from domain.writing import Writer


@dataclass(frozen=True, slots=True)
class Readers:
    """One reader for each kind of thing."""

    users: UserReader
    customers: CustomerReader
    products: ProductReader
    variants: VariantReader
    warehouses: WarehouseReader
    stock_levels: StockLevelReader
    stock_movements: StockMovementReader
    orders: OrderReader
    returns: OrderReturnReader
    adjustments: AdjustmentReader
    events: EventReader
    roles: RoleReader
    reports: ReportReader
    writer: Writer
