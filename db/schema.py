"""All tables in one place, for whoever needs the whole: migrations and their check."""

from db import catalog, clients, customers, events, inventory, orders, returns, roles, unit_of_work, users
from db.base import metadata

TABLES = (users, roles, clients, customers, catalog, inventory, orders, returns, events, unit_of_work)

__all__ = ["TABLES", "metadata"]
