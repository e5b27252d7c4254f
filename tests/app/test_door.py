"""How many connections a process has at once, with real ones."""

import asyncio
import resource
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs
from support.server import Server, serving
from support.sockets import PROTOCOL
from support.waiting import until
from websockets.asyncio.client import connect

from app.protocols.door import LEAST, SPARE, UNBOUNDED, Door, room
from app.server import server_config
from app.settings import Settings

HEALTH = b"GET /health HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def connection(server: Server) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def asked(server: Server) -> bytes:
    """What a connection is told that asks at once, until it is closed."""
    async with connection(server) as (reader, writer):
        writer.write(HEALTH)
        return await reader.read()


async def test_beyond_the_bound_a_connection_is_told_so_and_closed_and_the_others_go_on(settings: Settings):
    async with serving(settings.model_copy(update={"max_connections": 3})) as server:
        with capture_logs() as logs:
            async with (
                connection(server) as (reader, writer),
                connection(server),
                connect(server.socket_url, subprotocols=[PROTOCOL]) as socket,
            ):
                await until(lambda: len(server.connections) == 3)

                async with connection(server) as (refused, _):
                    told = await refused.read()
                writer.write(HEALTH)
                answer = await reader.read()
                await until(lambda: len(server.connections) == 2)
                let_in = await asked(server)
                await socket.send('{"type":"connection_init"}')
                acknowledged = await socket.recv()

    head, _, body = told.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert (headers["retry-after"], headers["connection"]) == ("5", "close")
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert int(headers["content-length"]) == len(body)
    message = "The server has as many connections as it takes."
    assert orjson.loads(body) == {"errors": [{"message": message, "extensions": {"code": "BUSY"}}]}
    assert [answer[:15], let_in[:15]] == [b"HTTP/1.1 200 OK"] * 2
    assert orjson.loads(acknowledged)["type"] == "connection_ack"
    assert [each["most"] for each in logs if each["event"] == "connections_full"] == [3]


@pytest.mark.parametrize(
    ("files", "most"), [(1024, 1024 - SPARE - 10), (65_536, 65_462), (70, LEAST), (resource.RLIM_INFINITY, UNBOUNDED)]
)
def test_without_a_setting_the_bound_is_what_open_files_leave(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, files: int, most: int
):
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (files, files))

    assert room(10) == most
    assert door_of(settings.model_copy(update={"database_pool_size": 10})).most == most
    assert door_of(settings.model_copy(update={"max_connections": 7})).most == 7


def door_of(settings: Settings) -> Door:
    protocol: Any = server_config(settings).http
    return protocol.keywords["door"]
