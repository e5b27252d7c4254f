"""The demo shop as a whole: its last ninety days, played through from the opening to this moment."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.catalog.model import Product, Variant, VariantKind
from domain.customers.model import Address, Customer
from domain.demo.buyers import Buyers, order_moments
from domain.demo.catalog import make_catalog
from domain.demo.dice import Dice
from domain.demo.ledger import Ledger, Reservation
from domain.demo.log import Log
from domain.demo.people import make_people
from domain.demo.supply import Supply, make_warehouses
from domain.demo.timeline import Timeline
from domain.demo.trade import Trade
from domain.events.model import Event
from domain.inventory.model import StockLevel, StockMovement, Warehouse
from domain.money import DEFAULT_CURRENCY
from domain.orders.model import Order, OrderLine, OrderReturn, ReturnLine
from domain.users.model import User

SEED = 2026
ORDERS = 2000
DAYS = 90
BELOVED = 5.0
"""The popularity of what may be back-ordered, so that it runs out."""


@dataclass(frozen=True, slots=True)
class DemoShop:
    """Everything that the demo shop stores; events and movements are in order of time."""

    users: list[User]
    customers: list[Customer]
    addresses: list[Address]
    products: list[Product]
    variants: list[Variant]
    warehouses: list[Warehouse]
    levels: list[StockLevel]
    reservations: list[Reservation]
    movements: list[StockMovement]
    orders: list[Order]
    approvals: dict[UUID, datetime]
    """When each order that was approved was."""
    lines: list[OrderLine]
    returns: list[OrderReturn]
    return_lines: list[ReturnLine]
    events: list[Event]


def make_shop(
    today: datetime, seed: int = SEED, taken: Collection[str] = (), currency: str = DEFAULT_CURRENCY
) -> DemoShop:
    """The shop as it is at the moment `today`; nothing in it lies later.

    `taken` are usernames and e-mail addresses, in lower case, that the demo users must not have.
    """
    today = today.astimezone(UTC)
    opening = today.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    dice, timeline = Dice(seed), Timeline(today)
    ledger, log = Ledger(dice), Log(dice)
    catalog = make_catalog(dice, opening, currency)
    people = make_people(dice, opening, today, taken)
    warehouses = make_warehouses(dice, opening)
    goods = [
        (variant, BELOVED if variant.allow_backorder else dice.popularity())
        for variant in catalog.variants
        if variant.kind is VariantKind.GOODS
    ]
    services = [variant for variant in catalog.variants if variant.kind is VariantKind.SERVICE]
    supply = Supply(dice, timeline, ledger, today)
    supply.open(goods, warehouses, opening)
    supply.plan(opening)
    for user in people.users:
        log.user_registered(user)
    trade = Trade(dice, timeline, ledger, log, Buyers(dice, people), goods, services)
    for moment in order_moments(dice, opening, today, ORDERS):
        timeline.plan(moment, trade.place)
    timeline.run()
    return DemoShop(
        users=_signed_in(people.users, trade.orders.values()),
        customers=people.customers,
        addresses=people.addresses,
        products=catalog.products,
        variants=catalog.variants,
        warehouses=warehouses,
        levels=ledger.stock_levels(),
        reservations=[held for order in ledger.reservations.values() for held in order],
        movements=ledger.movements,
        orders=list(trade.orders.values()),
        approvals=trade.approvals,
        lines=[line for lines in trade.lines.values() for line in lines],
        returns=trade.returns,
        return_lines=trade.return_lines,
        events=log.events,
    )


def _signed_in(users: Collection[User], orders: Collection[Order]) -> list[User]:
    """Users signed in at the latest to place their latest order."""
    latest = {order.placed_by: order.placed_at for order in orders}
    return [replace(user, last_login_at=latest.get(user.id)) for user in users]
