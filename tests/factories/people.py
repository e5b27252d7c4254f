"""Users and customers for tests."""

from sqlalchemy import insert

from db.base import new_id
from db.customers import customers
from db.engine import Database
from db.roles import user_roles
from db.users import users
from domain.actor import Actor, Scope
from domain.roles.model import ADMIN, CUSTOMER


async def make_user(database: Database, username: str = "buyer", *scopes: Scope, is_admin: bool = False) -> Actor:
    """A user, as the actor that their token would name. The scopes are granted directly, not by a role."""
    key = new_id()
    values = {"id": key, "username": username, "email": f"{username}@example.com", "password_hash": "-"}
    granted = [scope.value for scope in scopes]
    await database.execute(insert(users).values(**values, scopes=granted))
    await database.execute(insert(user_roles).values(user_id=key, role=ADMIN if is_admin else CUSTOMER))
    return Actor(key, username, is_admin, frozenset(granted))


async def make_admin(database: Database, username: str = "boss") -> Actor:
    return await make_user(database, username, is_admin=True)


async def make_customer(database: Database, name: str = "Ada", user: Actor | None = None, reference: str | None = None):
    """The key of a new customer."""
    key = new_id()
    owner = user.user_id if user else None
    await database.execute(insert(customers).values(id=key, name=name, user_id=owner, reference=reference))
    return key
