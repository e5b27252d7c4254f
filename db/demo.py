"""Loads the demo shop into an empty database, all of it or nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Table, exists, func, or_, select, text

from db.catalog import products, variants
from db.customers import addresses, customers
from db.engine import Connection, Database
from db.events import pending_events
from db.inventory import reservations, stock_levels, stock_movements, warehouses
from db.orders import order_lines, order_numbers, orders
from db.returns import return_lines, return_numbers, returns
from db.roles import user_roles
from db.users import users
from domain.money import DEFAULT_CURRENCY

if TYPE_CHECKING:
    from domain.demo.shop import DemoShop

LOCK = 1397048644
"""The key of the advisory lock: the letters SEED."""


class _Load(NamedTuple):
    """The rows of one table."""

    table: Table
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


async def seed_demo(
    database: Database, today: datetime, password_hash: str, currency: str = DEFAULT_CURRENCY
) -> Mapping[str, int] | None:
    """Load the demo shop as it is at the moment `today`, and return the number of rows by table.

    Only an empty shop is filled; None means that this one is not. All demo users get the same password.
    """
    async with database.transaction() as connection:
        # Of two processes that start at once the second waits here, and then finds a shop that is not empty.
        await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        if not await _is_empty(connection):
            return None
        # Imported here, for most starts find a shop that is in use.
        from domain.demo.shop import make_shop

        shop = make_shop(today, taken=await _taken_names(connection), currency=currency)
        loads = list(_loads(shop, password_hash))
        for load in loads:
            await _copy(connection, load)
        for numbers, used in ((order_numbers, shop.orders), (return_numbers, shop.returns)):
            await connection.execute(select(func.setval(numbers.name, len(used) + 1, False)))
        # Without figures about tables that have just been filled, the first queries would be planned badly.
        await connection.execute(text("ANALYZE " + ", ".join(load.table.name for load in loads)))
    return {load.table.name: len(load.rows) for load in loads}


async def is_empty(database: Database) -> bool:
    """Whether the shop would be filled now."""
    async with database.session() as connection:
        return await _is_empty(connection)


async def _is_empty(connection: Connection) -> bool:
    """Whether nobody has begun to use the shop; that users have registered does not matter."""
    begun = or_(*(exists(select(table)) for table in (products, orders, warehouses)))
    return not (await connection.execute(select(begun))).scalar_one()


async def _taken_names(connection: Connection) -> Collection[str]:
    query = select(func.lower(users.c.username), func.lower(users.c.email))
    return {name for row in (await connection.execute(query)).all() for name in row if name is not None}


async def _copy(connection: Connection, load: _Load) -> None:
    driver = connection.driver
    await driver.copy_records_to_table(load.table.name, columns=load.columns, records=load.rows)


def _load(table: Table, things: Iterable[object], *names: str, **renamed: str) -> _Load:
    """Rows of things whose attributes are called as the columns, or as `renamed` says."""
    return _Load(table, (*names, *renamed), list(map(attrgetter(*names, *renamed.values()), things)))


def _with(load: _Load, column: str, values: Iterable[Any]) -> _Load:
    """The rows with one more column."""
    rows = [(*row, value) for row, value in zip(load.rows, values, strict=True)]
    return load._replace(columns=(*load.columns, column), rows=rows)


def _loads(shop: "DemoShop", password_hash: str) -> Iterator[_Load]:
    """All tables, each after those that it refers to."""
    yield from _people(shop, password_hash)
    yield from _goods(shop)
    yield from _orders(shop)
    yield from _stock(shop)
    yield from _returns(shop)
    yield _events(shop)


def _people(shop: "DemoShop", password_hash: str) -> Iterator[_Load]:
    names = ("id", "username", "email", "scopes", "created_at", "last_login_at")
    yield _with(_load(users, shop.users, *names), "password_hash", [password_hash] * len(shop.users))
    held = [(user.id, role, user.created_at) for user in shop.users for role in user.roles]
    yield _Load(user_roles, ("user_id", "role", "granted_at"), held)
    yield _load(customers, shop.customers, "id", "user_id", "reference", "name", "email", "created_at")
    names = ("id", "customer_id", "line1", "line2", "city", "postal_code", "country")
    yield _load(addresses, shop.addresses, *names)


def _goods(shop: "DemoShop") -> Iterator[_Load]:
    yield _load(products, shop.products, "id", "name", "description", "created_at", "updated_at")
    names = ("id", "product_id", "sku", "name", "kind", "allow_backorder", "created_at", "updated_at")
    yield _load(variants, shop.variants, *names, price="price.amount", currency="price.currency_code")
    yield _load(warehouses, shop.warehouses, "id", "code", "name", "priority")


def _orders(shop: "DemoShop") -> Iterator[_Load]:
    names = ("id", "number", "customer_id", "placed_by", "status", "country", "notes", "version")
    times = ("placed_at", "updated_at")
    money = {"total": "total.amount", "currency": "total.currency_code"}
    approvals = [shop.approvals.get(order.id) for order in shop.orders]
    yield _with(_load(orders, shop.orders, *names, *times, **money), "approved_at", approvals)
    names = ("order_id", "position", "variant_id", "description", "quantity")
    money = {"unit_price": "unit_price.amount", "currency": "unit_price.currency_code"}
    yield _load(order_lines, shop.lines, *names, **money)


def _stock(shop: "DemoShop") -> Iterator[_Load]:
    allowed = {variant.id: variant.allow_backorder for variant in shop.variants}
    names = ("id", "variant_id", "warehouse_id", "on_hand", "reserved", "reorder_point")
    flags = [allowed[level.variant_id] for level in shop.levels]
    yield _with(_load(stock_levels, shop.levels, *names), "allow_backorder", flags)
    yield _load(reservations, shop.reservations, "order_id", "level_id", "quantity", "created_at")
    yield _load(stock_movements, shop.movements, *stock_movements.columns.keys())


def _returns(shop: "DemoShop") -> Iterator[_Load]:
    names = ("id", "number", "order_id", "customer_id", "country", "returned_at")
    yield _load(returns, shop.returns, *names, total="total.amount", currency="total.currency_code")
    names = ("return_id", "position", "order_id", "order_line_position", "variant_id", "description")
    money = {"unit_price": "unit_price.amount", "currency": "unit_price.currency_code"}
    yield _load(return_lines, shop.return_lines, *names, "quantity", **money)


def _events(shop: "DemoShop") -> _Load:
    """What the sequencer will take into the log, in this order."""
    names = ("id", "aggregate_type", "aggregate_id", "sequence", "kind", "actor_id", "occurred_at")
    payloads = [orjson.dumps(event.payload).decode() for event in shop.events]
    return _with(_load(pending_events, shop.events, *names), "payload", payloads)
