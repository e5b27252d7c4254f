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
    roles,
    sales,
    unit_of_work,
    users,
)
from db.base import metadata

PEOPLE = (users, roles, clients, identities, passwords, customers)
TABLES = (*PEOPLE, catalog, inventory, orders, returns, sales, events, unit_of_work)

__all__ = ["TABLES", "metadata"]
