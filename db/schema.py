"""All tables in one place, for whoever needs the whole: migrations and their check."""

from db import catalog, customers, events, inventory, orders, returns, sales, unit_of_work, users
from db.base import metadata

TABLES = (users, customers, catalog, inventory, orders, returns, sales, events, unit_of_work)

__all__ = ["TABLES", "metadata"]
