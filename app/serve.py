"""`orderwire serve`: prepares what is missing, serves until told to stop, and stops what it started."""

import asyncio
import gc
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, cast

import uvicorn
from rich.console import Console
from rich.markup import escape
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from app.graphql.documents import read_documents
from app.logs import configure_logs
from app.prepare import Prepared, database_server, prepare
from app.protocols.door import Door, room
from app.protocols.http import HttpProtocol
from app.protocols.socket import SocketProtocol
from app.settings import Settings

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
    with database_server(settings, meanwhile=lambda: _import_application(settings)) as running:
        prepared = asyncio.run(prepare(running))
        # The server's processes read their settings anew, the embedded database among them.
        os.environ["ORDERWIRE_DATABASE_URL"] = running.database_url or ""
        address = _address(settings.host, listener)
        with suppress(KeyboardInterrupt):
            _run(running, listener, lambda: _tell(running, prepared, address))
        console.print("Stopped.")


def _import_application(settings: Settings) -> None:
    """Import what uvicorn would import by its name later; several workers do so themselves."""
    if settings.workers == 1:
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


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_ready()


def server_config(settings: Settings, app: Starlette | None = None) -> uvicorn.Config:
    """How uvicorn serves: an application that is there, or one that each process makes from its settings."""
    door = Door(settings.max_connections or room(settings.database_pool_size))
    return uvicorn.Config(
        app or "app.main:create_app",
        factory=app is None,
        workers=settings.workers,
        lifespan="on",
        http=cast("Any", partial(HttpProtocol, patience=settings.live_heartbeat_seconds, door=door)),
        ws=SocketProtocol,
        # Compressing each socket's frames anew costs more than the loopback or a gateway's own compression saves.
        ws_per_message_deflate=False,
        ws_ping_interval=settings.live_heartbeat_seconds,
        ws_ping_timeout=settings.live_heartbeat_seconds,
        log_config=None,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        # A message over a socket is an operation too.
        ws_max_size=settings.max_body_bytes,
    )


def _run(settings: Settings, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    config = server_config(settings)
    server = _Server(config, on_ready)
    if settings.workers > 1:
        gc.enable()
        on_ready()
        Multiprocess(config, sockets=[listener]).run()
    else:
        server.run(sockets=[listener])
        if not server.started:
            raise SystemExit(3)


def _tell(settings: Settings, prepared: Prepared, address: str) -> None:
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
