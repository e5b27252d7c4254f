"""Variants and stock for tests."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from db.base import new_id
from db.catalog import products, variants
from db.engine import Database
from db.inventory import stock_levels, stock_movements, warehouses
from domain.catalog.model import VariantKind


async def make_variant(
    database: Database,
    sku: str = "MUG",
    price: str = "10.00",
    currency: str = "GBP",
    kind: VariantKind = VariantKind.GOODS,
    **stock: int,
) -> UUID:
    """The key of a new variant; `LON=5` puts five units into the warehouse LON."""
    product, key = new_id(), new_id()
    await database.execute(insert(products).values(id=product, name=f"Product {sku}"))
    values = {"id": key, "product_id": product, "sku": sku, "name": f"Name of {sku}", "kind": kind}
    await database.execute(insert(variants).values(**values, price=Decimal(price), currency=currency))
    for code, units in stock.items():
        await put_stock(database, key, code, units)
    return key


async def make_warehouse(database: Database, code: str, priority: int = 100) -> UUID:
    """The key of the warehouse with this code, made if there is none."""
    statement = upsert(warehouses).values(id=new_id(), code=code, name=f"Warehouse {code}", priority=priority)
    await database.execute(statement.on_conflict_do_nothing())
    return (await database.read(select(warehouses.c.id).where(warehouses.c.code == code)))[0][0]


async def put_stock(database: Database, variant: UUID, code: str, units: int, reorder_point: int = 0) -> UUID:
    """The key of a new stock level with its opening movement."""
    warehouse, key = await make_warehouse(database, code), new_id()
    place = {"variant_id": variant, "warehouse_id": warehouse}
    level = insert(stock_levels).values(id=key, on_hand=units, reorder_point=reorder_point, **place)
    await database.execute(level)
    counts = {"on_hand_before": 0, "on_hand_after": units, "reserved_before": 0, "reserved_after": 0}
    movement = insert(stock_movements).values(id=new_id(), kind="OPENING", quantity=units, **counts, **place)
    await database.execute(movement)
    return key
