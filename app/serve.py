"""`orderwire serve`: prepares what is missing, serves until told to stop, and stops what it started."""

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from app.database_server import database_server
from app.graphql.documents import read_documents
from app.logs import configure_logs
from app.settings import Settings

if TYPE_CHECKING:
    from app.prepare import Prepared

BACKLOG = 2048

console = Console(highlight=False)


class AddressInUseError(Exception):
    """Somebody else listens on the address."""


def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; the embedded PostgreSQL stops with the server.

    Raises:
        AddressInUseError: before anything was started.
        ManifestError: likewise, where what ORDERWIRE_DOCUMENTS names cannot be used.
    """
    configure_logs(settings.log_level)
    # Each process reads them anew; here a mistake is told before anything was started.
    read_documents(settings.documents)
    listener = _listen(settings)
    # What takes longest is imported while PostgreSQL starts, and not by this file before.
    with database_server(settings, meanwhile=lambda: import_module("app.prepare")) as running:
        prepared = _prepare(running)
        from app.server import run

        # The server's processes read their settings anew, the embedded database among them.
        os.environ["ORDERWIRE_DATABASE_URL"] = running.database_url or ""
        address = _address(settings.host, listener)
        with suppress(KeyboardInterrupt):
            run(running, listener, lambda: _tell(running, prepared, address))
        console.print("Stopped.")


def _prepare(settings: Settings) -> "Prepared":
    """Prepare what is missing. That waits for the database most of the time: what is left is imported meanwhile."""
    from app.prepare import prepare

    with ThreadPoolExecutor(1) as aside:
        importing = aside.submit(_import_rest, settings)
        # Here and not aside, for Ctrl-C to end it.
        prepared = asyncio.run(prepare(settings))
        importing.result()
    return prepared


def _import_rest(settings: Settings) -> None:
    import_module("app.server")
    if settings.workers == 1:
        # uvicorn would import it by its name later; several workers do so themselves.
        import_module("app.main")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # Two that are bound only could share the address; of two that listen the second is told at once.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressInUseError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error
    listener.set_inheritable(True)
    return listener


def _address(host: str, listener: socket.socket) -> str:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  (compared, not bound)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"


def _tell(settings: Settings, prepared: "Prepared", address: str) -> None:
    if prepared.seeded:
        console.print("An empty shop was filled with the demo shop.")
    secret = prepared.admin_password
    told = "as given by ORDERWIRE_ADMIN_PASSWORD at the first start" if settings.admin_password else "as set before"
    if not prepared.has_admin:
        told = "none: there is no such admin yet, `orderwire create-admin` makes one"
    console.print(
        f"\n[bold]Orderwire is running.[/bold]\n"
        f"  Playground      {address}/graphql\n"
        f"  Admin user      {escape(settings.admin_username)}\n"
        f"  Admin password  {escape(secret or told)}\n"
        f"  Stop it         Ctrl-C\n"
    )
