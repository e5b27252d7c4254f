"""A client of server-sent events that reads only when a test has it read."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from support.server import Server

from domain.actor import Actor


class Listener:
    """Such a client, with nothing between it and the bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.received = b""

    async def send(self, head: str, body: bytes = b"") -> None:
        """A request, whose length and host are added."""
        self._writer.write(f"{head}\r\nHost: shop\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()

    async def rest(self) -> bytes:
        """Everything until the connection has ended, however it does."""
        with suppress(ConnectionError):
            while data := await self._reader.read(65536):
                self.received += data
        return self.received

    def vanish(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def listener(server: Server, actor: Actor, query: str) -> AsyncGenerator[Listener]:
    """A listener that has asked for a stream, and for which little waits on its own side."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
    client = Listener(*await asyncio.open_connection(sock=connection, limit=4096))
    try:
        await client.send(_head(server, actor), orjson.dumps({"query": query}))
        yield client
    finally:
        client.vanish()


def _head(server: Server, actor: Actor) -> str:
    headers: dict[str, Any] = {"Accept": "text/event-stream", "Content-Type": "application/json"}
    lines = [f"{name}: {value}" for name, value in {**headers, **server.headers(actor)}.items()]
    return "\r\n".join(["POST /graphql HTTP/1.1", *lines])
