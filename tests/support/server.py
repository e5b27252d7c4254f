"""A real server for tests: uvicorn on a free port of the loopback, set up as `orderwire serve` does."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from support.shop import SCHEMA
from support.waiting import PATIENCE, until

from app.choices import Execution
from app.graphql.http import PLAYGROUND
from app.main import create_app
from app.server import server_config
from app.settings import Settings
from app.wiring import Process
from db.base import new_id
from domain.actor import Actor
from domain.roles.model import ADMIN
from domain.users.model import User
from graph.schema import ShopSchema, build_schema

CLIENT: dict[str, Any] = {
    "trust_env": False,
    # To load certificates would be most of the work of many a test.
    "verify": False,
    # However slow the machine is, an answer comes in time, and no request meets the end of a connection that was idle
    # for as long as the server lets it be.
    "timeout": PATIENCE,
    "limits": httpx.Limits(keepalive_expiry=1),
}
"""What HTTP clients of tests are given."""

CHEAP_PASSWORDS = {
    "password_time_cost": 2,
    "password_memory_kib": 19_456,
    "password_parallelism": 1,
    "password_nice": 0,
}
"""The least that the settings allow, and no wait for whatever else the machine does."""


@dataclass(frozen=True)
class Server:
    """A running server, its insides, and a client to speak to it."""

    port: int
    app: Starlette
    process: Process
    http: httpx.AsyncClient
    connections: Collection[Any]
    """The protocols of those who are connected."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def subscribers(self) -> int:
        """How many subscribers this server has."""
        return len(self.process.services.streams)

    def token(self, actor: Actor) -> str:
        """An access token that names an actor."""
        assert actor.user_id is not None
        moment = datetime.now(UTC)
        scopes = tuple(sorted(actor.scopes))
        roles = (ADMIN,) if actor.is_admin else ()
        user = User(actor.user_id, actor.username or "", None, roles, scopes, moment, None)
        return self.process.services.issuer.access_token(user, new_id())

    def headers(self, actor: Actor | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(actor)}"} if actor else {}

    async def post(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        """The whole body that answers an operation."""
        body = {"query": query, "variables": variables}
        response = await self.http.post("/graphql", json=body, headers=self.headers(actor))
        assert response.status_code == 200, response.text
        return response.json()

    async def get(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        """The data of an operation that must not fail."""
        answer = await self.post(query, actor, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


@asynccontextmanager
async def serving(
    settings: Settings, playground: Path = PLAYGROUND, port: int = 0, *, is_foreign: bool = False
) -> AsyncGenerator[Server]:
    """A server in this event loop, from ready to stopped, on a port that is free or on the one given.

    A foreign one speaks by uvicorn's own protocols, for which we are an ASGI application like any other.
    """
    with _logging_restored() as listening:
        app = create_app(settings, playground, built(settings.execution))
        # The application takes the log for its own, and who looks for complaints would hear none.
        logging.getLogger().handlers += listening
        listener = socket.create_server(("127.0.0.1", port))
        config = server_config(settings, app)
        if is_foreign:
            config.http, config.ws = "httptools", "websockets-sansio"
        server = uvicorn.Server(config)
        port = listener.getsockname()[1]
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await until(lambda: server.started or running.done())
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, **CLIENT) as client:
                yield Server(port, app, app.state.process, client, server.server_state.connections)
        finally:
            server.should_exit = True
            await running


@cache
def built(execution: Execution) -> ShopSchema:
    """The schema, which takes longer to build than all else of a server; what it has learned of documents stays."""
    return SCHEMA if execution is Execution.COMPILED else build_schema(is_compiled=False)


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as a warning or worse."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@contextmanager
def _logging_restored() -> Generator[list[logging.Handler]]:
    """Whatever an application does to the logging of this process, undone; who has listened until then."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    kept = root.handlers, root.level, access.disabled
    try:
        yield kept[0]
    finally:
        root.handlers, access.disabled = kept[0], kept[2]
        root.setLevel(kept[1])
