"""Goods that leave and come back: levels, reservations, movements and events, all or nothing."""

from typing import Any
from uuid import UUID

from factories.goods import make_variant, make_warehouse, put_stock
from factories.orders import make_order
from factories.people import make_user
from factories.stock import reserve_units
from sqlalchemy import text
from support.log import settle

from db.engine import Database
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor
from domain.catalog.model import VariantKind
from domain.inventory.model import Shortage

LEVELS = """
SELECT sku, code, on_hand, reserved FROM stock_levels l
JOIN variants v ON v.id = l.variant_id JOIN warehouses w ON w.id = l.warehouse_id ORDER BY sku, code
"""
MOVEMENTS = """
SELECT sku, code, m.kind, quantity, on_hand_before, on_hand_after, reserved_before, reserved_after
FROM stock_movements m JOIN variants v ON v.id = m.variant_id JOIN warehouses w ON w.id = m.warehouse_id
WHERE m.kind IN ('SHIPMENT', 'RETURN') ORDER BY m.kind DESC, sku, code, m.id
"""


def work(database: Database, actor: Actor | None = None) -> SqlUnitOfWork:
    return SqlUnitOfWork(database, actor or Actor.system(), None, lambda: None)


async def rows(database: Database, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    await settle(database)
    return [tuple(row) for row in await database.read(text(query), parameters)]


async def reserve(database: Database, demand: dict[UUID, int], number: str = "A1") -> UUID:
    order = await make_order(database, number)
    async with work(database) as uow:
        assert await reserve_units(uow, order, demand) == []
    return order


async def ship(database: Database, order: UUID, actor: Actor | None = None) -> list[Shortage]:
    async with work(database, actor) as uow:
        return list(await uow.stock.ship(order))


async def take_back(database: Database, order: UUID, quantities: dict[UUID, int]) -> None:
    async with work(database) as uow:
        await uow.stock.take_back(order, quantities, "Too small.", "C7")


async def allow_backorder(database: Database, variant: UUID) -> None:
    await database.execute(text("UPDATE variants SET allow_backorder = true WHERE id = :id"), {"id": variant})


async def two_warehouses(database: Database) -> UUID:
    """The key of a mug: four in London, which is asked first, and six in York."""
    mug = await make_variant(database, "MUG")
    for priority, (code, units) in enumerate((("LON", 4), ("YRK", 6))):
        await make_warehouse(database, code, priority)
        await put_stock(database, mug, code, units)
    return mug


async def test_shipping_takes_what_was_reserved_from_where_it_was_reserved(database: Database):
    mug, clerk = await two_warehouses(database), await make_user(database, "clerk")
    order, other = await reserve(database, {mug: 5}), await reserve(database, {mug: 2}, "A2")

    shortages = await ship(database, order, clerk)

    assert shortages == []
    assert await rows(database, LEVELS) == [("MUG", "LON", 0, 0), ("MUG", "YRK", 5, 2)]
    assert await rows(database, "SELECT order_id, quantity FROM reservations") == [(other, 2)]
    assert await rows(database, MOVEMENTS) == [
        ("MUG", "LON", "SHIPMENT", -4, 4, 0, 4, 0),
        ("MUG", "YRK", "SHIPMENT", -1, 6, 5, 3, 2),
    ]
    told = "SELECT DISTINCT order_id, actor_id FROM stock_movements WHERE kind = 'SHIPMENT'"
    assert await rows(database, told) == [(order, clerk.user_id)]


async def test_what_holds_nothing_ships_nothing(database: Database):
    order = await make_order(database)

    assert await ship(database, order) == []
    assert await rows(database, "SELECT * FROM events") == []


async def test_units_that_are_not_there_yet_do_not_ship_and_nothing_else_does(database: Database):
    mug = await make_variant(database, "MUG", LON=2)
    cup = await make_variant(database, "CUP", LON=9)
    await allow_backorder(database, mug)
    order = await reserve(database, {mug: 5, cup: 1})
    before = await rows(database, "SELECT * FROM stock_movements"), await rows(database, "SELECT * FROM events")

    shortages = await ship(database, order)

    assert shortages == [Shortage(mug, requested=5, available=2)]
    assert await rows(database, LEVELS) == [("CUP", "LON", 9, 1), ("MUG", "LON", 2, 5)]
    after = await rows(database, "SELECT * FROM stock_movements"), await rows(database, "SELECT * FROM events")
    assert after == before
    assert await rows(database, "SELECT sum(quantity) FROM reservations") == [(6,)]


async def test_units_go_back_to_where_they_came_from_and_no_more_than_came(database: Database):
    mug = await two_warehouses(database)
    order, other = await reserve(database, {mug: 7}), await reserve(database, {mug: 2}, "A2")
    await ship(database, order)
    await ship(database, other)

    await take_back(database, order, {mug: 3})
    first = await rows(database, LEVELS)
    await take_back(database, order, {mug: 4})

    assert first == [("MUG", "LON", 3, 0), ("MUG", "YRK", 1, 0)]
    assert await rows(database, LEVELS) == [("MUG", "LON", 4, 0), ("MUG", "YRK", 4, 0)]
    assert (await rows(database, MOVEMENTS))[3:] == [
        ("MUG", "LON", "RETURN", 3, 0, 3, 0, 0),
        ("MUG", "LON", "RETURN", 1, 3, 4, 0, 0),
        ("MUG", "YRK", "RETURN", 3, 1, 4, 0, 0),
    ]
    told = "SELECT DISTINCT order_id, reason, reference FROM stock_movements WHERE kind = 'RETURN'"
    assert await rows(database, told) == [(order, "Too small.", "C7")]


async def test_units_of_which_no_shipment_tells_go_to_the_first_warehouse(database: Database):
    mug = await two_warehouses(database)
    cup = await make_variant(database, "CUP")
    parcel = await make_variant(database, "POST", kind=VariantKind.SERVICE)

    await take_back(database, await make_order(database), {mug: 2, cup: 1, parcel: 1})

    assert await rows(database, LEVELS) == [("CUP", "LON", 1, 0), ("MUG", "LON", 6, 0), ("MUG", "YRK", 6, 0)]


async def test_taking_nothing_back_changes_nothing(database: Database):
    await two_warehouses(database)

    await take_back(database, await make_order(database), {})

    assert await rows(database, "SELECT count(*) FROM stock_movements") == [(2,)]


async def test_every_change_is_told_in_the_sequence_of_its_level(database: Database):
    mug = await make_variant(database, "MUG", LON=5)
    order = await reserve(database, {mug: 2})
    await ship(database, order)
    await take_back(database, order, {mug: 1})

    [level] = await rows(database, "SELECT id, version, warehouse_id FROM stock_levels")
    events = await rows(
        database, "SELECT kind, aggregate_type, aggregate_id, sequence, payload FROM events ORDER BY position"
    )
    place = {"variant_id": str(mug), "sku": "MUG", "warehouse_id": str(level[2]), "warehouse": "LON"}
    fields = ("kind", "quantity", "on_hand_before", "on_hand_after", "reserved_before", "reserved_after")
    expected = [
        (("RESERVATION", 2, 5, 5, 0, 2), None, None),
        (("SHIPMENT", -2, 5, 3, 2, 0), None, None),
        (("RETURN", 1, 3, 4, 0, 0), "Too small.", "C7"),
    ]
    assert level[1] == 3
    assert events == [
        (
            "STOCK_CHANGED",
            "STOCK_LEVEL",
            level[0],
            sequence,
            dict(zip(fields, values, strict=True))
            | place
            | {"order_id": str(order), "reason": reason, "reference": reference},
        )
        for sequence, (values, reason, reference) in enumerate(expected, 1)
    ]


async def test_a_level_that_becomes_low_is_told_once(database: Database):
    mug = await make_variant(database, "MUG")
    level = await put_stock(database, mug, "LON", 10, reorder_point=4)
    for index, units in enumerate((5, 1, 2)):
        await reserve(database, {mug: units}, f"A{index}")

    told = await rows(
        database, "SELECT sequence, kind, payload->'available', payload->'reorder_point' FROM events ORDER BY position"
    )
    assert told == [
        (1, "STOCK_CHANGED", None, None),
        (2, "STOCK_CHANGED", None, None),
        (3, "STOCK_LOW", 4, 4),
        (4, "STOCK_CHANGED", None, None),
    ]
    assert await rows(database, "SELECT id, version FROM stock_levels") == [(level, 4)]
