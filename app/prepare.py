"""What must stand before a process can serve: a server, a database at its newest migration, an admin, a shop."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from app.access.keys import KeyRing, write_secret
from app.access.passwords import LoneHasher
from app.settings import Settings
from app.wiring import system_unit_of_work
from db import migrate
from db.demo import is_empty, seed_demo
from db.engine import Database
from domain.users.commands import ensure_admin
from domain.users.model import Credentials
from domain.users.ports import PasswordHasher

DEMO_PASSWORD = "orderwire-demo"  # noqa: S105  (printed in the documents; the demo users have no rights)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `serve` tells about the preparations. `admin_password` is None where there is none to tell."""

    admin_password: str | None
    has_admin: bool
    seeded: bool


async def prepare(settings: Settings) -> Prepared:
    """Create and migrate the database, make the first admin, and fill an empty shop, as far as the settings say."""
    KeyRing(settings)  # made now, or refused, before anything else is done
    database = Database(settings.database_url or "", pool_size=2)
    try:
        if settings.migrate:
            await migrate.upgrade(database)
        hasher = LoneHasher.of(settings)
        password = await _first_admin(settings, database, hasher)
        named = await _credentials(database, settings.admin_username)
        has_admin = named is not None and named.user.is_admin
        seeded = settings.seeds and await seed(database, hasher, settings.currency)
    finally:
        await database.close()
    return Prepared(password, has_admin, seeded)


async def seed(database: Database, hasher: PasswordHasher, currency: str) -> bool:
    """Fill the shop with the demo shop, priced in `currency`, if it is empty; whether it was."""
    if not await is_empty(database):
        return False
    return await seed_demo(database, datetime.now(UTC), await hasher.hash(DEMO_PASSWORD), currency) is not None


async def _first_admin(settings: Settings, database: Database, hasher: LoneHasher) -> str | None:
    """Make the first admin if there is none of that name; the password, where it is ours to tell."""
    unit_of_work = system_unit_of_work(database)
    if settings.admin_password is not None:
        await ensure_admin(unit_of_work, hasher, settings.admin_username, settings.admin_password.get_secret_value())
        return None
    if not settings.is_development:
        return None
    # Kept beside the embedded database, readable by its owner only, so that every start can tell it again.
    kept = settings.data_dir / f"{settings.admin_username}.password"
    if not kept.exists():
        write_secret(kept, secrets.token_urlsafe(9))
    password = kept.read_text().strip()
    made = await ensure_admin(unit_of_work, hasher, settings.admin_username, password)
    return password if made or await _is_password(database, hasher, settings.admin_username, password) else None


async def _is_password(database: Database, hasher: LoneHasher, username: str, password: str) -> bool:
    """Whether the kept password is still the admin's."""
    credentials = await _credentials(database, username)
    hashed = credentials.password_hash if credentials else None
    return hashed is not None and await hasher.matches(password, hashed)


async def _credentials(database: Database, username: str) -> Credentials | None:
    unit_of_work = system_unit_of_work(database)
    async with unit_of_work:
        return await unit_of_work.users.credentials(username)
