"""The log of a shop under test."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from db.engine import Database
from db.event_sequencer import EventSequencer


async def settle(database: Database) -> None:
    """Give every event that is committed its place in the log."""
    await EventSequencer(database).drain()


async def logged(database: Database, columns: str, where: str = "true") -> Sequence[Row[Any]]:
    """Columns of the events that are committed and meet a condition, in their order."""
    await settle(database)
    return await database.read(text(f"SELECT {columns} FROM events WHERE {where} ORDER BY position"))
