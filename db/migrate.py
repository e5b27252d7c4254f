"""Brings a database to the newest migration, and makes it first where it does not exist."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, NullPool, make_url, text
from sqlalchemy.exc import DBAPIError

from db.engine import Database
from db.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.ext.asyncio import AsyncConnection

LOCK = 1330989394
"""The key of the advisory lock: the letters OURR."""

SCRIPTS = Path(__file__).parent / "migrations"

VERSION = text("SELECT version_num FROM alembic_version")

UNDEFINED_DATABASE, UNDEFINED_TABLE = "3D000", "42P01"


def _config() -> "Config":
    # Imported here, for most starts find a database that is at the newest migration.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(hour).2d%%(minute).2d_%%(slug)s")
    config.attributes["metadata"] = metadata
    return config


def head() -> str:
    """The newest migration of this version, by the names of the files: each begins with its revision."""
    return max(path.name[:13].replace("_", "") for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


async def current(database: Database) -> str | None:
    """The migration that the database is at."""
    try:
        rows = await database.read(VERSION)
    except DBAPIError as error:
        if _state_of(error) != UNDEFINED_TABLE:
            raise
        return None
    return rows[0][0] if rows else None


async def upgrade(database: Database) -> None:
    """Run the migrations that are missing, on a database that is made first where there is none.

    Of several processes one runs them, the others wait.
    """
    try:
        if await current(database) == head():
            return
    except DBAPIError as error:
        if _state_of(error) != UNDEFINED_DATABASE:
            raise
        await create(database.url)
    async with transaction(database) as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        await connection.run_sync(_upgrade)


@asynccontextmanager
async def transaction(database: Database) -> AsyncGenerator["AsyncConnection"]:
    """A transaction on a connection of SQLAlchemy, which is what migrations are written for."""
    # Imported here, for it brings the whole of SQLAlchemy's ORM, and most starts find nothing to migrate.
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=database.connect, poolclass=NullPool, hide_parameters=True
    )
    async with engine.begin() as connection:
        yield connection


async def create(url: str) -> None:
    """Create the database that a URL names, where the server lets us and nobody else was first."""
    name = make_url(url).database
    maintenance = Database(make_url(url).set(database="postgres").render_as_string(hide_password=False), 1)
    try:
        await maintenance.execute(text(f'CREATE DATABASE "{name}"'))
    except DBAPIError as error:
        # Another process was first: long ago (DuplicateDatabase), or in this very moment (a unique key of the catalog).
        if _state_of(error) not in {"42P04", "23505"}:
            raise
    finally:
        await maintenance.close()


def _state_of(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
