"""All tables in one place, for whoever needs the whole: migrations and their check."""

from db import (
    catalog,
    clients,
    customers,
    events,
    identities,
    inventory,
    orders,
    passwords,
    returns,
    unit_of_work,
    users,
)
from db.base import metadata

TABLES = (users, clients, identities, passwords, customers, catalog, inventory, orders, returns, events, unit_of_work)

__all__ = ["TABLES", "metadata"]
