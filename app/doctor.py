"""`orderwire doctor`: what a server needs, looked at piece by piece. Starts the embedded server where it is used."""

import asyncio
import shutil
import sys
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from app.database_server import database_server
from app.graphql.http import PLAYGROUND
from app.live.doorbell import broker
from app.settings import Settings
from db import migrate
from db.engine import Database

NO_DATABASE = "3D000"
"""The SQLSTATE of a database that does not exist."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is in order, and what was seen."""

    what: str
    is_fine: bool
    detail: str


def examine(settings: Settings) -> list[Finding]:
    """Look at Python, the playground, the database, its migrations and the broadcaster."""
    findings = [Finding("python", sys.version_info >= (3, 11), sys.version.split()[0]), _playground()]
    with database_server(settings) as running:
        url = running.database_url or ""
        findings += asyncio.run(_database(url))
        findings.append(asyncio.run(_broadcaster(running.broadcast_url or url)))
    return findings


def _playground() -> Finding:
    if (PLAYGROUND / "index.html").exists():
        return Finding("playground", True, "built")
    npm = "run `make setup`" if shutil.which("npm") else "install npm, then run `make setup`"
    return Finding("playground", False, f"not built: {npm}; the API works without it")


async def _database(url: str) -> list[Finding]:
    database = Database(url, pool_size=1)
    try:
        await database.ping()
        at, head = await migrate.current(database), migrate.head()
    except (DBAPIError, OSError) as error:
        is_missing = getattr(getattr(error, "orig", None), "sqlstate", None) == NO_DATABASE
        detail = "not there yet: run `orderwire migrate`" if is_missing else str(getattr(error, "orig", error))
        return [Finding("database", False, detail)]
    finally:
        await database.close()
    return [
        Finding("database", True, "answers"),
        Finding("migrations", at == head, f"at {at or 'none'}, newest {head}"),
    ]


async def _broadcaster(url: str) -> Finding:
    try:
        async with asyncio.timeout(3), broker(url) as broadcast, broadcast.subscribe("orderwire_doctor") as heard:
            await broadcast.publish("orderwire_doctor", "ping")
            await heard.get()
    except Exception as error:
        return Finding("broadcaster", False, type(error).__name__)
    return Finding("broadcaster", True, "a message came back")
