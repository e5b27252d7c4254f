"""The Online Retail import of what is known already, wholly or in part, or from somewhere else."""

import asyncio
import gzip
import lzma
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.databases import copy_database
from support.log import settle
from support.online_retail import (
    HEADER,
    NOTHING,
    RESULT,
    SAMPLE,
    SHOP,
    assert_ledger_adds_up,
    books,
    counts,
    load,
    needs_data,
    rows,
    write,
)

from db.engine import Database
from db.unit_of_work import SqlUnitOfWork
from domain.actor import Actor
from domain.inventory.changes import Cause, LevelChange
from domain.inventory.commands import receive_stock
from domain.inventory.model import LockedLevel, MovementKind
from domain.online_retail import ImportRefused, ImportResult

Books = dict[str, list[tuple[Any, ...]]]


def _loaded_at_once(postgres: str, template: str, file: Path, content: str | None = None) -> tuple[ImportResult, Books]:
    """What the import of a whole file into an empty shop says, and the books after it."""

    async def run() -> tuple[ImportResult, Books]:
        database = Database(await copy_database(postgres, template), 1)
        result = await load(database, file, content)
        found = await books(database)
        await database.close()
        return result, found

    return asyncio.run(run())


@pytest.fixture(scope="module")
def shop_books(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Books:
    """The books of the small shop that was imported at once, to compare with."""
    return _loaded_at_once(postgres, template, tmp_path_factory.mktemp("at_once") / "shop.csv", SHOP)[1]


@pytest.fixture(scope="module")
def sample_at_once(postgres: str, template: str) -> tuple[ImportResult, Books]:
    """What the import of the sample said, and the books after it."""
    return _loaded_at_once(postgres, template, SAMPLE)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "shop.csv"


@pytest.mark.parametrize("name", ["again.csv", "again.csv.gz", "again.csv.xz", "packed.gz.bin", "packed.xz.bin"])
async def test_the_same_records_add_nothing_however_they_are_packed(database: Database, csv: Path, name: str):
    await load(database, csv, SHOP)
    before, books_before = await counts(database), await books(database)
    content = SHOP.encode()
    packed = gzip.compress(content) if ".gz" in name else lzma.compress(content) if ".xz" in name else content

    assert await load(database, csv.with_name(name), packed) == NOTHING

    assert await counts(database) == before
    assert await books(database) == books_before


@pytest.mark.parametrize("cut", [3, 5, 7, 9, 11, 13, 16])
async def test_the_head_of_a_file_and_then_the_whole_are_as_the_whole(
    database: Database, shop_books: Books, csv: Path, cut: int
):
    head = "".join(SHOP.splitlines(keepends=True)[:cut])

    first = await load(database, csv, head)
    second = await load(database, csv, SHOP)

    assert first.order_lines + second.order_lines == RESULT.order_lines
    assert first.write_offs + second.write_offs == RESULT.write_offs
    assert second.known + second.without_stock == first.lines + (cut < 10)
    assert await books(database) == shop_books
    await assert_ledger_adds_up(database)


async def test_the_end_of_a_file_and_then_the_whole_lose_and_double_nothing(
    database: Database, shop_books: Books, csv: Path
):
    lines = SHOP.splitlines(keepends=True)

    await load(database, csv, "".join([lines[0], *lines[3:]]))
    await load(database, csv, SHOP)

    found, expected = await books(database), shop_books
    for name in ("orders", "adjustments", "movements", "addresses", "variants"):
        assert found[name] == expected[name], name
    for name in ("order_lines", "return_lines"):  # those that were added later stand at the end
        without_position = [[(line[0], *line[2:6]) for line in each[name]] for each in (found, expected)]
        assert sorted(without_position[0], key=str) == sorted(without_position[1], key=str), name
    assert await rows(database, "SELECT on_hand FROM stock_levels WHERE on_hand < 0") == []


async def test_a_line_with_another_description_is_no_other_line(database: Database, csv: Path):
    await load(database, csv, SHOP)
    before = await counts(database)

    result = await load(database, csv, SHOP.replace("LAMP", "Lamp").replace("wet", "damp").replace("POSTAGE", ""))

    assert result == NOTHING
    assert await counts(database) == before


async def test_of_two_lines_alike_the_one_that_is_missing_is_added(database: Database, csv: Path):
    line = "1,22001,{},5,2010-12-01 08:00:00,5,1,France\n"
    await load(database, csv, f"{HEADER}\n{line.format('SECOND')}")

    result = await load(database, csv, f"{HEADER}\n{line.format('FIRST')}{line.format('SECOND')}")

    assert (result.known, result.order_lines) == (1, 1)
    # Whoever has read the order before must not change it as if it were still the same.
    assert await rows(database, "SELECT total, version FROM orders") == [(Decimal("50.00"), 2)]
    lines = await rows(database, "SELECT position, description FROM order_lines ORDER BY position")
    assert lines == [(1, "SECOND"), (2, "FIRST")]


@pytest.mark.parametrize("cut", [2, 3, 4])
async def test_a_write_off_within_a_sale_keeps_its_place_wherever_the_file_is_cut(
    database: Database, csv: Path, cut: int
):
    lines = [
        HEADER,
        "1,22001,LAMP,-1,2010-12-01 08:00:00,0,1,France",
        "1,22001,LAMP,5,2010-12-01 08:01:00,5,1,France",
        "1,22001,LAMP,-2,2010-12-01 08:02:00,0,1,France",
        "1,22001,LAMP,3,2010-12-01 08:03:00,5,1,France",
    ]
    await load(database, csv, "\n".join(lines[:cut]))
    await load(database, csv, "\n".join(lines))

    assert await rows(database, "SELECT position, quantity FROM order_lines ORDER BY position") == [(2, 5), (4, 3)]
    assert await rows(database, "SELECT number, total FROM orders") == [("1", Decimal("40.00"))]
    assert await rows(database, "SELECT placed_at FROM orders") == [(datetime(2010, 12, 1, 8, tzinfo=UTC),)]
    moved = "SELECT sum(quantity) FROM stock_movements WHERE kind <> 'OPENING'"
    assert await rows(database, moved) == [(-11,)]
    await assert_ledger_adds_up(database)


async def test_two_imports_at_once_add_once(database: Database, csv: Path):
    write(csv, SHOP)

    results = await asyncio.gather(load(database, csv), load(database, csv))

    assert sorted(results, key=lambda result: result.known) == [RESULT, NOTHING]


async def test_what_the_shop_has_is_used_and_left_as_it_is(database: Database, csv: Path):
    async with database.transaction() as connection:
        for statement in (
            "INSERT INTO warehouses (code, name) VALUES ('MAIN', 'Barn'), ('OTHER', 'Shed')",
            "INSERT INTO products (name) VALUES ('Our lamp')",
            """INSERT INTO variants (product_id, sku, name, price, currency)
               SELECT id, '22001', 'Our lamp', 99, 'EUR' FROM products""",
            """INSERT INTO stock_levels (variant_id, warehouse_id, on_hand, reserved)
               SELECT v.id, w.id, 10, 4 FROM variants v, warehouses w""",
            "INSERT INTO customers (reference, name) VALUES ('17850', 'Anna')",
        ):
            await connection.execute(text(statement))

    result = await load(database, csv, SHOP)

    assert (result.variants, result.products, result.customers) == (6, 6, 0)
    assert await rows(database, "SELECT name, price, currency FROM variants WHERE sku = '22001'") == [
        ("Our lamp", Decimal(99), "EUR")
    ]
    assert await rows(database, "SELECT name FROM warehouses ORDER BY code") == [("Barn",), ("Shed",)]
    assert await rows(database, "SELECT name FROM customers") == [("Anna",)]
    # 18 leave, 10 were there, and 4 of those must stay for the orders that hold them.
    levels = """SELECT code, on_hand, reserved FROM stock_levels JOIN warehouses w ON w.id = warehouse_id
        JOIN variants v ON v.id = variant_id WHERE sku = '22001' ORDER BY code"""
    assert await rows(database, levels) == [("MAIN", 4, 4), ("OTHER", 10, 4)]
    chain = """SELECT m.kind, quantity, on_hand_before, on_hand_after, reserved_before, reserved_after
        FROM stock_movements m JOIN variants v ON v.id = variant_id WHERE sku = '22001' ORDER BY occurred_at, m.id"""
    assert await rows(database, chain) == [
        ("OPENING", 12, 10, 22, 4, 4),
        ("SHIPMENT", -3, 22, 19, 4, 4),
        ("SHIPMENT", -4, 19, 15, 4, 4),
        ("WRITE_OFF", -10, 15, 5, 4, 4),
        ("SHIPMENT", -1, 5, 4, 4, 4),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "column"),
    [
        (
            "heart holder,-2,2010-12-02 09:00:00,2.1,17850",
            "heart holder,-2,2010-12-02 09:00:00,2.1,1",
            11,
            "CustomerID",
        ),
        ("0.001,,EIRE", "0.001,,Iceland", 7, "Country"),
    ],
    ids=["customer of a return", "country of an order"],
)
async def test_a_file_that_contradicts_what_is_stored_is_refused(
    database: Database, csv: Path, old: str, new: str, line: int, column: str
):
    await load(database, csv, SHOP)
    before = await counts(database)

    with pytest.raises(ImportRefused) as refused:
        await load(database, csv, SHOP.replace(old, new, 1))

    assert (refused.value.line, refused.value.column) == (line, column)
    assert await counts(database) == before


@needs_data
@pytest.mark.parametrize("cut", [2, 1001, 1500])
async def test_the_sample_may_come_in_two_overlapping_parts(
    database: Database, sample_at_once: tuple[ImportResult, Books], csv: Path, cut: int
):
    lines = SAMPLE.read_bytes().splitlines(keepends=True)
    whole, expected = sample_at_once

    first = await load(database, csv, b"".join(lines[:cut]))
    second = await load(database, SAMPLE)

    assert (first.lines, second.known) == (cut - 1, cut - 1)
    assert first.order_lines + second.order_lines == whole.order_lines
    assert await books(database) == expected
    await assert_ledger_adds_up(database)
    before = await counts(database)
    assert await load(database, SAMPLE) == ImportResult(lines=2027, known=2027)
    assert await counts(database) == before


LAMPS = """
SELECT e.kind, e.sequence, e.payload ->> 'on_hand_before' AS before, e.payload ->> 'on_hand_after' AS after
FROM events e WHERE e.payload ->> 'sku' = '22001' OR e.kind = 'IMPORT_COMPLETED' ORDER BY position
"""


async def test_the_events_of_a_level_count_on_over_an_import_which_stands_between_them(database: Database, csv: Path):
    async def receive(units: int) -> None:
        uow = SqlUnitOfWork(database, Actor.system(), None, lambda: None)
        await receive_stock(uow, Actor.system(), "22001", "MAIN", units)

    await load(database, csv, SHOP)
    await receive(5)
    await load(database, csv, f"{HEADER}\n536800,22001,LAMP,2,2011-06-02 10:00:00,5,17850,France\n")
    await receive(1)
    await settle(database)

    assert await rows(database, LAMPS) == [
        ("IMPORT_COMPLETED", 1, None, None),
        ("STOCK_CHANGED", 1, "0", "5"),
        ("IMPORT_COMPLETED", 1, None, None),
        ("STOCK_CHANGED", 2, "3", "4"),
    ]
    levels = "SELECT on_hand, version FROM stock_levels l JOIN variants v ON v.id = variant_id WHERE sku = '22001'"
    assert await rows(database, levels) == [(4, 2)]


async def test_a_level_that_an_import_makes_low_is_told_once(database: Database, csv: Path):
    await load(database, csv, SHOP)
    async with SqlUnitOfWork(database, Actor.system(), None, lambda: None) as uow:
        await uow.stock.change(MovementKind.RECEIPT, [LevelChange(each, 5) for each in await lamps(uow)], Cause())
        await uow.stock.set_reorder_point((await lamps(uow))[0], 3)
    sale = "{0},22001,LAMP,1,2011-06-0{1} 10:00:00,5,17850,France"

    for day in range(2, 6):
        await load(database, csv, "\n".join([HEADER, sale.format(536800 + day, day)]) + "\n")
    await settle(database)

    low = "SELECT sequence, payload->>'available', payload->>'warehouse', actor_id FROM events WHERE kind = 'STOCK_LOW'"
    assert await rows(database, low) == [(3, "3", "MAIN", None)]
    last = "SELECT kind FROM events WHERE position > (SELECT position FROM events WHERE kind = 'STOCK_LOW')"
    assert await rows(database, last) == [("IMPORT_COMPLETED",)] * 3
    levels = "SELECT on_hand, version FROM stock_levels l JOIN variants v ON v.id = variant_id WHERE sku = '22001'"
    assert await rows(database, levels) == [(1, 3)]


async def lamps(uow: SqlUnitOfWork) -> Sequence[LockedLevel]:
    """The locked level of the lamps."""
    variant = (await uow.catalog.variants_by_sku({"22001"}))["22001"].id
    return await uow.stock.lock(variant, [(await uow.warehouses.by_codes(["MAIN"]))["MAIN"].id])
