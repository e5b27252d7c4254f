"""Databases for tests: servers, and copies of a template, in a hundredth of the time that migrations take."""

import asyncio
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import text
from support.memory import memory

from db import migrate
from db.base import new_id
from db.embedded import database_url
from db.engine import Database


@contextmanager
def forgetful(start: Callable[[Path], AbstractContextManager[str]]) -> Generator[str]:
    """The URL of a server in a new directory, which keeps nothing durably and goes with the block."""
    # Not below pytest's own directory, which a second run closes to all but its user; run as root, the server is
    # another user. And close to the root: the path of a Unix socket has at most 107 bytes.
    place = tempfile.TemporaryDirectory(prefix="orderwire-", dir=memory())
    with place as directory, start(Path(directory)) as url:

        async def prepare() -> None:
            database = Database(url, 1)
            for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
                await database.execute(text(f"ALTER SYSTEM SET {setting}"))
            await database.execute(text("SELECT pg_reload_conf()"))
            await database.close()

        asyncio.run(prepare())
        yield url


def make_template(postgres: str) -> str:
    """The name of a new database at the newest migration, to copy from."""

    async def make() -> None:
        database = Database(database_url(postgres, "template_migrated"), 1)
        await migrate.upgrade(database)
        await database.close()

    asyncio.run(make())
    return "template_migrated"


@contextmanager
def commanding(postgres: str) -> Generator[Callable[[str], None]]:
    """What sends a statement to the server, on one connection for all tests, in an event loop beside theirs."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(postgres))
    yield lambda statement: loop.run_until_complete(connection.execute(statement))
    loop.run_until_complete(connection.close())
    loop.close()


async def copy_database(postgres: str, template: str) -> str:
    """The URL of a fresh copy of a template."""
    name = f"test_{new_id().hex}"
    server = Database(postgres, 1)
    await server.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
    await server.close()
    return database_url(postgres, name)
