"""Databases for tests, copied from a template in a hundredth of the time that the migrations take."""

from sqlalchemy import text

from db.base import new_id
from db.embedded import database_url
from db.engine import Database


async def copy_database(postgres: str, template: str) -> str:
    """The URL of a fresh copy of a template."""
    name = f"test_{new_id().hex}"
    server = Database(postgres, 1)
    await server.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
    await server.close()
    return database_url(postgres, name)
