"""Foreign keys and indexes of the tables that an import fills: for all rows at once in a shop that was empty."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.online_retail import SHOP, load, rows
from support.waiting import PATIENCE

from db import online_retail_keys
from db.engine import Database
from db.online_retail_keys import keys_and_indexes_put_aside

KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND convalidated
ORDER BY conname
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
PUT_ASIDE = {"order_lines_variant_id_idx", "stock_movements_occurred_at_idx", "stock_movements_order_id_idx"}
WITHOUT_ORDER = """
INSERT INTO order_lines (order_id, position, variant_id, quantity, unit_price, currency)
VALUES (uuidv7(), 1, uuidv7(), 1, 1.00, 'GBP')
"""
ALL = "SELECT FROM orders, order_lines, stock_movements, variants, warehouses"


async def test_after_an_import_the_keys_are_as_they_were(database: Database, tmp_path: Path):
    before = await rows(database, KEYS)

    await load(database, tmp_path / "shop.csv", SHOP)

    assert "order_lines_order_id_fkey" in dict(before)
    assert await rows(database, KEYS) == before


async def test_the_indexes_are_made_at_the_end_as_they_were(database: Database):
    before = dict(await rows(database, INDEXES))

    async with database.transaction() as connection:
        async with keys_and_indexes_put_aside(connection):
            meanwhile = dict(tuple(row) for row in (await connection.execute(text(INDEXES))).all())
        after = dict(tuple(row) for row in (await connection.execute(text(INDEXES))).all())

    assert before.keys() - meanwhile.keys() > PUT_ASIDE
    # What must be unique is so at all times.
    assert all("UNIQUE" not in before[name] for name in before.keys() - meanwhile.keys())
    assert after == before


async def test_a_row_that_breaks_a_key_is_found_at_the_end(database: Database):
    before = await rows(database, KEYS)

    with pytest.raises(IntegrityError, match="order_lines_order_id_fkey"):
        async with database.transaction() as connection, keys_and_indexes_put_aside(connection):
            # By itself it would be refused here.
            assert await connection.count(text(WITHOUT_ORDER)) == 1

    assert await rows(database, "SELECT FROM order_lines") == []
    assert await rows(database, KEYS) == before


async def test_a_database_that_cannot_put_keys_aside_checks_each_row(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(online_retail_keys, "SINCE", 99_00_00)

    async with database.transaction() as connection, keys_and_indexes_put_aside(connection):
        with pytest.raises(IntegrityError, match="order_lines_order_id_fkey"):
            async with connection.savepoint():
                await connection.count(text(WITHOUT_ORDER))


async def test_in_a_shop_that_has_articles_nobody_has_to_wait(database: Database, tmp_path: Path):
    path = tmp_path / "shop.csv"
    await load(database, path, "".join(SHOP.splitlines(keepends=True)[:5]))

    async with database.transaction() as reader, asyncio.timeout(PATIENCE):
        await reader.execute(text(ALL))
        result = await load(database, path, SHOP)

    assert (result.known, result.order_lines) == (4, 3)
