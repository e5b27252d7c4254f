"""`orderwire serve` as a process: first start, restart, stop, and what it says when it cannot start."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import psutil
import pytest
import websockets
from sqlalchemy import text
from support.processes import PATIENCE, Serving, environment, eventually, hashers_of, is_gone, postgres_of, run, serving

from db.engine import Database

COUNTS = "{ orders(first: 1) { totalCount } products(first: 1) { totalCount } }"
PRODUCTS_AND_USERS = "{ products(first: 1) { totalCount } users(first: 9) { nodes { username } } }"
WATCH = "subscription { orderStatusChanged { to } }"
START = """
import asyncio, gc, sys
gc.disable()
import app.cli, app.serve, app.server
from app.main import create_app
from app.prepare import prepare
from app.settings import Settings

async def main():
    await prepare(Settings())
    served = create_app()
    async with served.router.lifespan_context(served):
        print(gc.isenabled(), len(gc.get_objects()) < gc.get_freeze_count())
        print(*sys.modules)

asyncio.run(main())
"""
"""Starts as `serve` does. Tells whether the garbage collector works and has less to go through than is there, and what
was imported."""
UNUSED = {
    "alembic": "a database at its newest migration",
    "anyio._backends": "files of the playground",
    "app.smtp": "ORDERWIRE_SMTP_URL",
    "authlib": "the OAuth endpoints",
    "db.online_retail": "an import",
    "domain.demo.shop": "an empty shop",
    "httpx2": "ORDERWIRE_OIDC_PROVIDERS",
    "redis": "a broker of that kind",
    "rich.progress": "an import",
    "sqlalchemy.orm": "migrations",
}
"""What a start does not import, and who needs it: each takes 5 to 50 ms and 0.3 to 7 MB."""
RESTART = 5.0
"""Seconds of processor time that a restart may take, on a slow machine."""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which a server ran once, in a hurry: without the demo shop."""
    data_dir = tmp_path_factory.mktemp("used")
    with serving(data_dir, seed=False) as server:
        server.ready()
        assert server.stop()[0] == 0
    return data_dir


async def test_the_first_start_fills_the_shop_and_a_restart_keeps_it(tmp_path: Path):
    with serving(tmp_path, fresh=True) as server:
        server.ready()
        assert "An empty shop was filled with the demo shop." in server.told
        assert server.url.startswith("http://127.0.0.1:")
        username, password = server.value("Admin user"), server.value("Admin password")
        token = server.sign_in(username, password)
        counts = server.post(COUNTS, token)
        code, _ = server.stop()
    assert (username, code, counts["orders"]["totalCount"]) == ("admin", 0, 2000)
    assert postgres_of(tmp_path) == []

    with serving(tmp_path, fresh=True) as server:
        server.ready()
        spent = server.spent
        assert "filled" not in server.told
        assert server.value("Admin password") == password
        assert server.post(COUNTS, server.sign_in(username, password)) == counts

    assert spent < RESTART


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_each_signal_stops_everything_though_streams_are_open(used: Path, number: signal.Signals):
    with serving(used, seed=False, shutdown_seconds=300) as server:
        server.ready()
        token = server.sign_in("admin", server.value("Admin password")) or ""
        hashers = hashers_of(server.process.pid)
        code, took = await _stop_with_open_streams(server, token, number)

    assert code == 0
    assert len(hashers) == 1
    assert took < 100
    assert postgres_of(used) == []
    assert all(map(is_gone, server.children))
    assert "Traceback" not in server.logged, server.logged


async def _stop_with_open_streams(server: Serving, token: str, number: signal.Signals) -> tuple[int, float]:
    """Stop a server while somebody watches over a WebSocket and somebody over server-sent events."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    url = server.url.replace("http", "ws")
    protocol = websockets.Subprotocol("graphql-transport-ws")
    async with (
        websockets.connect(url, subprotocols=[protocol], proxy=None) as watcher,
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client,
        client.stream("POST", server.url, json={"query": WATCH}, headers=headers) as listener,
    ):
        await watcher.send(orjson.dumps({"type": "connection_init", "payload": headers}).decode())
        await watcher.recv()
        await watcher.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": WATCH}}).decode())
        assert listener.status_code == 200
        stopped = await asyncio.to_thread(server.stop, number)
        # It ends properly: what breaks off is an error to the library.
        assert b"event: complete" not in await listener.aread()
        return stopped


def test_after_a_kill_the_next_server_starts_and_stops_postgresql(used: Path):
    with serving(used, seed=False) as server:
        server.ready()
        assert server.sign_in("admin", server.value("Admin password"))
        hashers = hashers_of(server.process.pid)
        server.process.kill()
        server.process.wait(PATIENCE)
        assert len(postgres_of(used)) == 1
        # Nobody is left who would end it.
        assert len(hashers) == 1
        eventually(lambda: all(map(is_gone, hashers)))

        with serving(used, seed=False) as second:
            second.ready()
            assert second.stop()[0] == 0

        assert postgres_of(used) == []


def test_a_lock_file_that_outlived_its_machine_is_no_hindrance(used: Path):
    # After a crash of the machine the number in the file may belong to any process: here, to this one.
    lines = [os.getpid(), used / "postgres", 1700000000, 5432, used / "postgres", "", "12345 67890", "ready"]
    (used / "postgres" / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n")
    (used / "postgres" / ".handle_pids.json").write_text("")

    with serving(used, seed=False) as server:
        server.ready()
        assert server.stop()[0] == 0

    assert postgres_of(used) == []


def test_a_port_in_use_is_told_in_one_line_and_nothing_is_started(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(tmp_path, "serve", port=port)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n"
    assert not (tmp_path / "postgres").exists()


def test_several_workers_serve_and_are_gone_afterwards(used: Path):
    with serving(used, seed=False, workers=2) as server:
        server.ready()
        eventually(lambda: _answers(server))
        code, _ = server.stop(signal.SIGTERM)

    assert code == 0
    assert len(server.children) >= 2
    eventually(lambda: all(map(is_gone, server.children)))
    assert postgres_of(used) == []


def test_the_workers_of_a_server_that_was_killed_stop_by_themselves(used: Path):
    with serving(used, seed=False, workers=2) as server:
        server.ready()
        eventually(lambda: _answers(server))
        assert server.sign_in("admin", server.value("Admin password"))
        workers, hashers = _workers(server), hashers_of(server.process.pid)
        server.process.kill()
        server.process.wait(PATIENCE)

        eventually(lambda: all(map(is_gone, workers + hashers)))
        port = httpx.URL(server.url).port or 0
        eventually(lambda: _is_free(port))
        with serving(used, seed=False, port=port) as second:
            second.ready()
            assert second.stop()[0] == 0

    assert (len(workers), len(hashers)) == (2, 1)
    assert server.logged.count("parent_gone") == server.logged.count("Finished server process") == 2
    assert "Traceback" not in server.logged, server.logged


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _workers(server: Serving) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def _answers(server: Serving) -> bool:
    try:
        return server.post("{ me { id } }") == {"me": None}
    except httpx.TransportError:
        return False


def test_a_password_that_is_given_is_not_told(used: Path):
    with serving(used, seed=False, admin_password="given-password", admin_username="given") as server:
        server.ready()
        token = server.sign_in("given", "given-password")
        told = server.told
        server.stop()

    assert token is not None
    assert "given-password" not in told + server.logged
    assert "as given by ORDERWIRE_ADMIN_PASSWORD" in told


def test_production_makes_neither_a_shop_nor_an_admin_of_its_own(used: Path):
    password = (used / "admin.password").read_text()
    with serving(used, environment="production", admin_username="keeper") as server:
        server.ready()
        told = server.told
        token = server.sign_in("admin", password)
        answer = server.post(PRODUCTS_AND_USERS, token)
        server.stop()

    assert answer["products"] == {"totalCount": 0}
    assert {"username": "keeper"} not in answer["users"]["nodes"]
    assert "`orderwire create-admin` makes one" in told.replace("\n", " ")
    assert not (used / "keeper.password").exists()


def test_a_wrong_setting_is_named_in_one_line(tmp_path: Path):
    result = run(tmp_path, "serve", port="abc")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("ORDERWIRE_PORT: Input should be a valid integer")
    assert result.stderr.count("\n") == 1


def test_a_wrong_place_within_a_setting_is_named_too(tmp_path: Path):
    result = run(tmp_path, "serve", oidc_providers='[{"name": "idp", "issuer": "x", "client_id": "shop"}]')

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "ORDERWIRE_OIDC_PROVIDERS[0].issuer: an issuer is at https://…, or on this machine\n"


def test_a_password_that_breaks_the_rules_is_told_in_one_line(used: Path):
    result = run(used, "serve", seed=False, admin_username="keeper", admin_password="short")

    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == "A password has 8 to 256 characters."
    assert "Traceback" not in result.stderr
    assert postgres_of(used) == []


def test_a_database_that_is_not_there_is_told_in_one_line(tmp_path: Path):
    result = run(tmp_path, "serve", database_url="postgresql://nobody:secret@127.0.0.1:1/nowhere")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("The database cannot be used: ")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="These tests run as an ordinary user anyway.")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (Debian: util-linux) is not installed.")
def test_an_ordinary_user_can_run_it(tmp_path_factory: pytest.TempPathFactory):
    nobody = 65534
    data_dir = tmp_path_factory.mktemp("nobody")
    os.chown(data_dir, nobody, nobody)
    for parent in (data_dir.parent, data_dir.parent.parent):
        parent.chmod(parent.stat().st_mode | 0o055)
    # The interpreter may lie below root's home: let the user read it, without any other right.
    capability = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    user = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", *capability]

    with serving(data_dir, *user, seed=False) as server:
        server.ready()
        token = server.sign_in("admin", server.value("Admin password"))
        owners = {process.username() for process in [psutil.Process(server.process.pid), *postgres_of(data_dir)]}
        code, _ = server.stop()

    assert token is not None
    assert owners == {"nobody"}
    assert (code, postgres_of(data_dir)) == (0, [])


async def test_own_database_and_broker_start_nothing(fresh_url: str, valkey: str, tmp_path: Path):
    with serving(tmp_path, seed=False, database_url=fresh_url, broadcast_url=valkey) as server:
        server.ready()
        assert server.post("{ me { id } }") == {"me": None}
        code, _ = server.stop(signal.SIGTERM)

    assert code == 0
    database = Database(fresh_url, 1)
    found = await database.read(text("SELECT username FROM users"))
    await database.close()
    assert [row.username for row in found] == ["admin"]
    assert not (tmp_path / "postgres").exists()


def test_a_start_imports_what_it_needs_and_leaves_that_to_no_garbage_collector(fresh_url: str, tmp_path: Path):
    env = environment(tmp_path, database_url=fresh_url, seed=False, log_level="error")
    told = subprocess.run([sys.executable, "-c", START], env=env, check=True, capture_output=True, text=True)

    collector, modules = told.stdout.splitlines()
    assert collector == "True True"
    assert UNUSED.keys() & set(modules.split()) == set()
