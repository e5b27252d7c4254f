"""`orderwire inventory verify`: what it finds, how it says so, and what a repair leaves."""

from pathlib import Path
from typing import Any
from uuid import UUID

from factories.goods import make_variant, put_stock
from factories.orders import make_order
from factories.stock import reserve_units
from sqlalchemy import text
from support.log import settle
from support.online_retail import SHOP, load
from support.processes import run

from db.engine import Database
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor

REASON = "Repair: what was stored is not what the movements added up to."
MOVEMENTS = """
SELECT sku, quantity, on_hand_before, on_hand_after, reserved_before, reserved_after, reason
FROM stock_movements m JOIN variants v ON v.id = variant_id WHERE m.kind = 'ADJUSTMENT' ORDER BY sku
"""


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    await settle(database)
    return [tuple(row) for row in await database.read(text(query))]


def verify(url: str, place: Path, *options: str) -> tuple[int, list[list[str]], str]:
    """Exit code, the words of each line, and what was said of the errors."""
    result = run(place, "inventory", "verify", *options, database_url=url)
    return result.returncode, [line.split() for line in result.stdout.splitlines()], result.stderr


def agree(levels: int) -> list[str]:
    return f"{levels} levels agree with their movements and reservations.".split()


async def reserved(database: Database, variant: UUID, units: int) -> None:
    order = await make_order(database)
    async with SqlUnitOfWork(database, Actor.system(), None, lambda: None) as uow:
        assert await reserve_units(uow, order, {variant: units}) == []


async def test_an_empty_shop_and_one_in_order_are_clean(database: Database, fresh_url: str, tmp_path: Path):
    empty = verify(fresh_url, tmp_path)
    mug = await make_variant(database, "MUG", LON=5)
    await reserved(database, mug, 2)

    assert empty == (0, [agree(0)], "")
    assert verify(fresh_url, tmp_path) == (0, [agree(1)], "")
    assert verify(fresh_url, tmp_path, "--repair") == (0, [agree(1)], "")
    assert run(tmp_path, "inventory", "verify", "--mend", database_url=fresh_url).returncode == 2


async def test_what_was_changed_past_the_ledger_is_found_and_repaired(
    database: Database, fresh_url: str, tmp_path: Path
):
    keys = [await make_variant(database, sku, LON=5) for sku in ("CUP", "MUG", "POT")]
    await put_stock(database, await make_variant(database, "JUG"), "LON", 6, reorder_point=4)
    await reserved(database, keys[1], 3)
    for sku, change in (("CUP", "on_hand = 7"), ("MUG", "reserved = 1"), ("JUG", "on_hand = 3")):
        await database.execute(
            text(f"UPDATE stock_levels SET {change} WHERE variant_id = (SELECT id FROM variants WHERE sku = :sku)"),
            {"sku": sku},
        )

    found = verify(fresh_url, tmp_path)
    unchanged = await rows(database, MOVEMENTS)
    repaired = verify(fresh_url, tmp_path, "--repair")

    table = [
        ["SKU", "warehouse", "on", "hand", "by", "movements", "reserved", "by", "movements", "by", "reservations"],
        ["CUP", "LON", "7", "5", "0", "0", "0"],
        ["JUG", "LON", "3", "6", "0", "0", "0"],
        ["MUG", "LON", "5", "5", "1", "3", "3"],
    ]
    assert found == (1, table, "3 of 4 levels differ from their movements or reservations.\n")
    assert unchanged == []
    assert repaired == (0, [*table, ["Repaired:", "3."], agree(4)], "")
    assert await rows(database, MOVEMENTS) == [
        ("CUP", 2, 5, 7, 0, 0, REASON),
        ("JUG", -3, 6, 3, 0, 0, REASON),
        ("MUG", 0, 5, 5, 3, 3, REASON),
    ]
    levels = "SELECT sku, on_hand, reserved, version FROM stock_levels JOIN variants v ON v.id = variant_id ORDER BY 1"
    assert await rows(database, levels) == [("CUP", 7, 0, 1), ("JUG", 3, 0, 2), ("MUG", 5, 3, 2), ("POT", 5, 0, 0)]
    assert await rows(database, "SELECT kind FROM events WHERE payload->>'sku' = 'JUG' ORDER BY sequence") == [
        ("STOCK_CHANGED",),
        ("STOCK_LOW",),
    ]
    assert verify(fresh_url, tmp_path) == (0, [agree(4)], "")


async def test_a_level_that_is_gone_comes_back_empty(database: Database, fresh_url: str, tmp_path: Path):
    await make_variant(database, "MUG", LON=5)
    await database.execute(text("DELETE FROM stock_levels"))

    code, told, _ = verify(fresh_url, tmp_path, "--repair")

    assert (code, told[1:]) == (0, [["MUG", "LON", "0", "5", "0", "0", "0"], ["Repaired:", "1."], agree(1)])
    assert await rows(database, MOVEMENTS) == [("MUG", -5, 5, 0, 0, 0, REASON)]


async def test_more_reserved_than_on_hand_is_for_people_to_count(database: Database, fresh_url: str, tmp_path: Path):
    await reserved(database, await make_variant(database, "MUG", LON=5), 4)
    await database.execute(text("UPDATE stock_levels SET on_hand = 2, reserved = 2"))

    code, _, problem = verify(fresh_url, tmp_path, "--repair")

    assert code == 1
    assert problem == (
        "1 of 1 levels differ from their movements or reservations."
        " Count what more is reserved than on hand, and adjust it.\n"
    )
    assert await rows(database, MOVEMENTS) == []


async def test_an_imported_ledger_is_clean(database: Database, fresh_url: str, tmp_path: Path):
    await load(database, tmp_path / "shop.csv", SHOP)
    imported = verify(fresh_url, tmp_path)

    assert imported == (0, [agree(4)], "")


async def test_the_demo_shop_is_clean(fresh_url: str, tmp_path: Path):
    assert run(tmp_path, "seed", database_url=fresh_url).returncode == 0

    code, [told], _ = verify(fresh_url, tmp_path)

    assert (code, told[1:]) == (0, agree(1)[1:])
