"""How `orderwire` stops in the middle of its work, and what it says if it never began, as a process."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from support.processes import PATIENCE, Serving, eventually, postgres_of, run, serving, start
from support.waiting import until

from db.engine import Database, Transaction

BODY = b'{"query":"{ products { nodes { name } } }"}'
PRODUCTS = (
    b"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY
LOCK = text("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
async def locked(database: Database) -> AsyncGenerator[Transaction]:
    """What products are asked for waits for the end of this transaction."""
    async with database.transaction() as transaction:
        yield transaction


def port_of(server: Serving) -> int:
    return httpx.URL(server.url).port or 0


async def waits(database: Database) -> bool:
    """Whether somebody waits for a lock."""
    return (await database.read(WAITING))[0][0] > 0


async def ask(server: Serving, database: Database) -> socket.socket:
    """A connection on which the products were asked for, which nobody can read."""
    connection = socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE)
    connection.sendall(PRODUCTS)
    await until(lambda: waits(database))
    return connection


def is_refused(server: Serving) -> bool:
    """Whether whoever comes now is told at once that nobody is there."""
    try:
        socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def answer(connection: socket.socket) -> bytes:
    told = b""
    with connection:
        while data := connection.recv(65536):
            told += data
    return told


async def test_a_second_ctrl_c_ends_what_the_first_waits_for(
    fresh_url: str, database: Database, locked: Transaction, tmp_path: Path
):
    with serving(tmp_path, seed=False, database_url=fresh_url, shutdown_seconds=300) as server:
        server.ready()
        await locked.execute(LOCK)
        connection = await ask(server, database)
        os.killpg(server.process.pid, signal.SIGINT)
        eventually(lambda: "Waiting for connections to close" in server.logged)
        os.killpg(server.process.pid, signal.SIGINT)
        told = answer(connection)
        code = server.process.wait(PATIENCE)

    assert code == 0
    assert told.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert "Application shutdown complete." in server.logged
    assert '"level": "error"' not in server.logged
    assert server.told.endswith("Stopped.\n")


async def test_several_workers_that_stop_let_nobody_in(
    fresh_url: str, database: Database, locked: Transaction, tmp_path: Path
):
    patient = {"shutdown_seconds": 300, "operation_seconds": 300}
    with serving(tmp_path, seed=False, database_url=fresh_url, workers=2, **patient) as server:
        server.ready()
        eventually(lambda: server.logged.count("Application startup complete.") == 2)
        await locked.execute(LOCK)
        connection = await ask(server, database)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: is_refused(server))
        assert server.process.poll() is None
        await locked.execute(text("COMMIT"))
        told = answer(connection)
        code = server.process.wait(PATIENCE)

    assert code == 0
    assert told.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_is_stopped_does_not_say_that_it_is_done(tmp_path: Path, number: signal.Signals):
    with serving(tmp_path, seed=False) as server:
        server.ready()
        directory = tmp_path / "postgres"
        database = Database(f"postgresql://postgres@/orderwire?host={directory}", 2)
        async with database.transaction() as transaction:
            await transaction.execute(LOCK)
            process = start(tmp_path, "seed")
            await until(lambda: waits(database))
            process.send_signal(number)
            code = await asyncio.to_thread(process.wait, PATIENCE)
        await database.close()
        assert server.stop()[0] == 0

    assert code == 130
    assert postgres_of(tmp_path) == []


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_server_that_cannot_start_says_so(fresh_url: str, database: Database, tmp_path: Path, workers: int):
    await database.execute(text("ALTER TABLE revoked_tokens RENAME TO forgotten"))
    result = await asyncio.to_thread(run, tmp_path, "serve", seed=False, database_url=fresh_url, workers=workers)

    assert result.returncode == 3
    assert "Application startup failed. Exiting." in result.stderr
