"""How a server that stops parts with those who are connected, seen from the wire."""

import asyncio

import pytest
from sqlalchemy import text
from support.server import Server, complaints, serving
from support.waiting import PATIENCE, until

from app.settings import Settings
from db.engine import Database

HEALTH = b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n"
SOCKET = (
    b"GET /graphql HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
BODY = b'{"query":"{ products { nodes { name } } }"}'
PRODUCTS = (
    b"POST /graphql HTTP/1.1\r\nHost: shop\r\nX-Request-ID: mine\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
LOCK = text("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def test_what_a_server_that_stops_gives_up_is_told_so(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
):
    async def waits() -> bool:
        return (await database.read(WAITING))[0][0] > 0

    async with database.transaction() as blocking:
        async with serving(settings.model_copy(update={"shutdown_seconds": 0})) as server:
            await blocking.execute(LOCK)
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(PRODUCTS)
            await until(waits)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert {b"x-request-id: mine", b"retry-after: 5", b"connection: close"} <= {*head.split(b"\r\n")}
    assert body.endswith(b'{"code":"BUSY"}}]}')
    assert complaints(caplog) == ["Cancel 1 running task(s), timeout graceful shutdown exceeded"]


async def stopped_while(server: Server, said: bytes) -> bytes:
    """What is answered to somebody who says this on a connection they had, while the server begins to stop."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEALTH)
    await reader.readuntil(b'{"status":"ok"}')
    [connection] = server.connections
    # It has been sent, and nobody has read it.
    writer.write(said)
    connection.shutdown()
    async with asyncio.timeout(PATIENCE):
        told = await reader.read()
    writer.close()
    return told


async def test_what_was_sent_before_a_server_stopped_is_answered(server: Server):
    told = await stopped_while(server, HEALTH)

    assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in told
    await until(lambda: len(server.connections) == 0)


async def test_a_server_that_stops_begins_no_conversation(server: Server):
    told = await stopped_while(server, SOCKET)

    assert told.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 5\r\n" in told
    assert told.endswith(b'{"code":"BUSY"}}]}')


async def test_a_server_that_stops_does_not_wait_for_who_says_nothing(server: Server):
    assert await stopped_while(server, b"") == b""
