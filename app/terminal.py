"""What every command of the command line needs: where to write, how to fail, and a database to work on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console

from app.settings import Settings

T = TypeVar("T")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, markup=False)

BAD_INPUT = 2
"""The exit code for input that cannot be used: a wrong setting, a wrong file."""


def with_database(work: Callable[[Any], Awaitable[T]]) -> T:
    """Run a piece of work on the migrated database, starting the embedded server where there is no other."""
    from app.database_server import database_server
    from db.engine import Database
    from db.migrate import upgrade

    async def run(url: str) -> T:
        database = Database(url, pool_size=4)
        try:
            await upgrade(database)
            return await work(database)
        finally:
            await database.close()

    with database_server(Settings()) as settings:
        return asyncio.run(run(settings.database_url or ""))


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong, and end with an exit code."""
    err.print(message)
    raise typer.Exit(code)
