"""uvicorn as Orderwire runs it: its protocols, its limits, and one process or several."""

import gc
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.protocols.door import Door, room
from app.protocols.http import HttpProtocol
from app.protocols.socket import SocketProtocol
from app.settings import Settings


class _Server(uvicorn.Server):
    """A server that says when it is ready, and ends what it began even where somebody cannot wait for that."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:
            # At a second Ctrl-C the library leaves everything to the end of the event loop, which cuts off whatever
            # runs, in any order.
            for task in self.server_state.tasks:
                task.cancel()
            await self.lifespan.shutdown()


class _Workers(Multiprocess):
    """Several processes."""

    def terminate_all(self) -> None:
        # While this is open, whoever comes is let in, and waits for workers who have closed theirs.
        for each in self.sockets:
            each.close()
        super().terminate_all()


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
        # Disabled (app/logs.py), they would still be put together.
        access_log=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        # A message over a socket is an operation too.
        ws_max_size=settings.max_body_bytes,
    )


def run(settings: Settings, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until a signal comes; `on_ready` is called when requests are answered, or will be by several processes."""
    config = server_config(settings)
    server = _Server(config, on_ready)
    if settings.workers > 1:
        gc.enable()
        on_ready()
        workers = _Workers(config, sockets=[listener])
        workers.run()
        has_failed = any(each.exitcode == STARTUP_FAILURE for each in workers.processes)
    else:
        server.run(sockets=[listener])
        has_failed = not server.started
    if has_failed:
        raise SystemExit(STARTUP_FAILURE)
