"""Statements that wait for a lock in the database of a test."""

from support.shop import Shop
from support.waiting import until

WAITING = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
"""Those of the connections that do."""


async def until_waiting(shop: Shop, times: int = 1) -> None:
    """Go on once so many do."""

    async def are_waiting() -> bool:
        return await shop.scalar(f"SELECT count(*) {WAITING}") == times

    await until(are_waiting)
