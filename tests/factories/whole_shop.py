"""A shop with something of everything, small or large: what the statements of an operation are counted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import make_adjustment, make_order, make_orders, make_return
from factories.people import make_admin, make_customer, make_user

from db.engine import Database
from db.event_sequencer import EventSequencer
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor
from domain.events.model import AggregateType, EventKind, NewEvent
from domain.orders.model import OrderStatus


async def make_events(database: Database, actor: Actor, orders: Sequence[UUID]) -> None:
    """The placing of each order, in the log."""
    payload = {"from": None, "to": "PENDING", "number": "", "reason": None}
    async with SqlUnitOfWork(database, actor, None, lambda: None) as uow:
        for key in orders:
            uow.record(NewEvent(EventKind.ORDER_STATUS_CHANGED, AggregateType.ORDER, key, 1, payload))
    await EventSequencer(database).drain()


@dataclass(frozen=True)
class WholeShop:
    """Who and what is in it."""

    admin: Actor
    users: list[Actor]
    """Those who buy, one for each customer."""
    customers: list[UUID]
    variants: list[UUID]
    orders: list[UUID]


async def make_whole_shop(database: Database, size: int, start: int = 0) -> WholeShop:
    """`size` customers, variants with stock in two warehouses, pending orders of up to four lines, and sold ones.

    A `start` above 0 adds to a shop that has so many already.
    """
    admin = await make_admin(database, f"boss{start}")
    await make_warehouse(database, "LON", priority=1)
    await make_warehouse(database, "YRK", priority=2)
    users, customers, variants = [], [], []
    for index in range(start, start + size):
        users.append(await make_user(database, f"user{index}"))
        customers.append(await make_customer(database, f"Customer {index}", users[-1], reference=f"R{index}"))
        variant = await make_variant(database, f"SKU{index:03}", price="2.50", LON=10)
        await put_stock(database, variant, "YRK", 5, reorder_point=20)
        variants.append(variant)
    lines = [(variant, 2, "2.50") for variant in variants[:4]]
    orders = await make_orders(database, size, customers, lines, start)
    for index, customer in enumerate(customers, start):
        sold = await make_order(
            database, f"S{index}", customer=customer, status=OrderStatus.DELIVERED, country="Norway", lines=lines
        )
        await make_return(database, f"C{index}", order=sold, customer=customer, country="Norway", lines=lines[:1])
        await make_adjustment(database, f"B{index}")
    await make_events(database, admin, orders)
    return WholeShop(admin, users, customers, variants, orders)
