"""Foreign keys and indexes while a file goes into an empty shop: for all rows at once, not for each by itself.

Two and a half million checks, one by one, would be a third of the work. The database makes the same checks in one
statement for each key before the transaction ends. The indexes, too, are made of all rows in a third of the time.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import text

from db.engine import Connection

_COLUMNS = {"order_lines": ("order_id", "variant_id"), "stock_movements": ("order_id", "variant_id", "warehouse_id")}
"""The keys of the tables that get a row for each line of the file. Nobody can sign in while `users` is locked: the key
to that is left as it is, and costs nothing, for no movement of a file has an actor."""

SINCE = 18_00_00
"""The first version of PostgreSQL, as it numbers them, whose keys can be put aside."""

_MAY_WAIT = """
SELECT CAST(current_setting('server_version_num') AS integer) >= :since AND NOT EXISTS (SELECT FROM variants)
"""

# Those that no constraint needs.
_INDEXES = """
SELECT CAST(indexrelid AS regclass) AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = CAST(CAST(:table AS text) AS regclass) AND NOT indisunique
ORDER BY indexrelid
"""


@asynccontextmanager
async def keys_and_indexes_put_aside(connection: Connection) -> AsyncGenerator[None]:
    """Check the keys and make the indexes only at the end of the block, if the shop has no articles yet and the
    database can do so.

    That locks the tables until the transaction ends. In a shop that has none there is nothing that anybody could ask
    of them; in any other, people go on working, and each row is checked by itself.
    """
    may_wait = (await connection.execute(text(_MAY_WAIT), {"since": SINCE})).scalar_one()
    if not may_wait:
        yield
        return
    await _alter(connection, "NOT ENFORCED")
    makings = [statement for table in _COLUMNS for statement in await _drop_indexes(connection, table)]
    yield
    for statement in makings:
        await connection.execute(text(statement))
    await _alter(connection, "ENFORCED")


async def _drop_indexes(connection: Connection, table: str) -> list[str]:
    """Drop the indexes of a table; returns the statements that make them again, as they were."""
    indexes = (await connection.execute(text(_INDEXES), {"table": table})).all()
    for each in indexes:
        await connection.execute(text(f"DROP INDEX {each.name}"))
    return [each.definition for each in indexes]


async def _alter(connection: Connection, state: str) -> None:
    for table, columns in _COLUMNS.items():
        for column in columns:
            await connection.execute(text(f"ALTER TABLE {table} ALTER CONSTRAINT {table}_{column}_fkey {state}"))
