"""A small shop in an Online Retail file, and ways to look at what an import makes of it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.base import metadata
from db.engine import Database
from db.online_retail import import_online_retail
from domain.online_retail import ImportResult

DATA = Path(__file__).parents[3] / "shared" / "data" / "online-retail"
SAMPLE = DATA / "online-retail.sample-100.csv"
needs_data = pytest.mark.skipif(not SAMPLE.exists(), reason=f"the Online Retail data is not in {DATA}")


HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
SHOP = f"""{HEADER}
536365,85123A,HEART HOLDER ,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,85123a,heart holder,2,2010-12-01 08:26:00,2.1,17850,United Kingdom
536365,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,POST,POSTAGE,1,2010-12-01 08:27:00,18,17850,United Kingdom
536365,22001,,3,2010-12-01 08:27:00,0,17850,United Kingdom
536366,22001,LAMP,4,2010-12-01 09:00:00,0.001,,EIRE
536589,22001,wet,-10,2010-12-01 10:00:00,0,,United Kingdom
536590,22002,,-1,2010-12-01 10:05:00,0,,United Kingdom
536591,DCGS0003,ebay,-2,2010-12-01 10:06:00,0,,United Kingdom
C536600,85123a,heart holder,-2,2010-12-02 09:00:00,2.1,17850,United Kingdom
C536601,85123A,HEART HOLDER,-6,2010-12-02 09:05:00,2.55,17850,United Kingdom
C536601,POST,POSTAGE,-1,2010-12-02 09:05:00,18,17850,United Kingdom
C536602,85123a,heart holder,-2,2010-12-03 09:00:00,2.1,17850,United Kingdom
536700,22001,LAMP,1,2011-06-01 10:00:00,5,17850,France
A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom
A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom
"""
RESULT = ImportResult(
    lines=16,
    known=0,
    without_stock=1,
    customers=1,
    addresses=2,
    products=7,
    variants=7,
    orders=3,
    order_lines=7,
    returns=3,
    return_lines=4,
    adjustments=2,
    write_offs=2,
    movements=15,
    opening_receipts=4,
)
NOTHING = ImportResult(lines=16, known=15, without_stock=1)


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)


async def load(database: Database, path: Path, content: str | bytes | None = None) -> ImportResult:
    """Import a file, which gets the content first if there is one."""
    if content is not None:
        write(path, content)
    return await import_online_retail(database, path, lambda *_: None)


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.read(text(query))]


async def counts(database: Database) -> dict[str, int]:
    """The number of rows of every table."""
    return {
        table: (await database.read(text(f'SELECT count(*) FROM "{table}"')))[0][0] for table in sorted(metadata.tables)
    }


async def books(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that an import tells of a shop, but for the ids, and how often an order was written."""
    queries = {
        "orders": """SELECT number, reference, country, total, placed_at, approved_at, status
            FROM orders LEFT JOIN customers c ON c.id = customer_id ORDER BY number""",
        "order_lines": """SELECT number, position, sku, description, quantity, unit_price FROM order_lines l
            JOIN orders o ON o.id = order_id JOIN variants v ON v.id = variant_id ORDER BY number, position""",
        "returns": """SELECT r.number, reference, r.country, r.total, returned_at, o.number AS order_number
            FROM returns r LEFT JOIN customers c ON c.id = r.customer_id LEFT JOIN orders o ON o.id = r.order_id
            ORDER BY r.number""",
        "return_lines": """SELECT r.number, position, sku, l.description, quantity, unit_price,
            o.number AS order_number, order_line_position FROM return_lines l JOIN returns r ON r.id = return_id
            JOIN variants v ON v.id = variant_id LEFT JOIN orders o ON o.id = l.order_id ORDER BY 1, 2""",
        "adjustments": "SELECT number, position, reason, amount, country, adjusted_at FROM adjustments ORDER BY 1, 2",
        "levels": """SELECT sku, code, on_hand, reserved FROM stock_levels s JOIN variants v ON v.id = variant_id
            JOIN warehouses w ON w.id = warehouse_id ORDER BY sku""",
        "movements": """SELECT sku, m.kind, quantity, reason, reference, o.number AS order_number, occurred_at
            FROM stock_movements m JOIN variants v ON v.id = variant_id LEFT JOIN orders o ON o.id = order_id
            WHERE m.kind <> 'OPENING' ORDER BY 1, 7, 5, 3, 4""",
        "openings": """SELECT sku, sum(quantity) FROM stock_movements m JOIN variants v ON v.id = variant_id
            WHERE m.kind = 'OPENING' GROUP BY sku ORDER BY sku""",
        "addresses": "SELECT reference, country FROM addresses JOIN customers c ON c.id = customer_id ORDER BY 1, 2",
        "variants": "SELECT sku, kind FROM variants ORDER BY sku",
    }
    return {name: await rows(database, query) for name, query in queries.items()}


async def assert_ledger_adds_up(database: Database) -> None:
    """Movements are a chain by (occurred_at, id), nothing is below zero, and levels are where it ends."""
    broken = """
        SELECT id FROM (
          SELECT *, lag(on_hand_after, 1, 0) OVER (PARTITION BY variant_id ORDER BY occurred_at, id) AS before
          FROM stock_movements
        ) m WHERE before <> on_hand_before OR on_hand_after < 0"""
    assert await rows(database, broken) == []
    assert await rows(database, f"{broken.replace('occurred_at, id', 'id')}") == []
    wrong = """
        SELECT s.id FROM stock_levels s
        JOIN stock_movements m ON m.variant_id = s.variant_id AND m.warehouse_id = s.warehouse_id
        GROUP BY s.id HAVING s.on_hand <> sum(m.quantity)
          OR s.on_hand <> (array_agg(m.on_hand_after ORDER BY m.occurred_at DESC, m.id DESC))[1]"""
    assert await rows(database, wrong) == []
