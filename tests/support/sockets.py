"""A client of graphql-transport-ws, frame by frame."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import websockets
from support.server import Server
from support.waiting import PATIENCE

from domain.actor import Actor

PROTOCOL = "graphql-transport-ws"

WATCH = """
subscription ($after: String, $status: [OrderStatus!]) {
  orderStatusChanged(after: $after, filter: {to: {in: $status}}) {
    cursor from to actor { username } order { number status }
  }
}
"""


class Client:
    """One socket."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self) -> Any:
        """The next message, which must come as text."""
        async with asyncio.timeout(PATIENCE):
            frame = await self.connection.recv()
        assert isinstance(frame, str)
        return orjson.loads(frame)

    async def sign_in(self, **payload: Any) -> None:
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def start(self, query: str, operation: str = "1", **variables: Any) -> None:
        await self.send(type="subscribe", id=operation, payload={"query": query, "variables": variables})

    async def run(self, query: str, operation: str = "1", **variables: Any) -> Any:
        """The payload of an operation with one result."""
        await self.start(query, operation, **variables)
        message = await self.receive()
        assert message.keys() == {"type", "id", "payload"}, message
        assert (message["type"], message["id"]) == ("next", operation)
        assert await self.receive() == {"type": "complete", "id": operation}
        return message["payload"]

    async def next(self) -> Any:
        """The data of the next event of a subscription."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def closing(self) -> tuple[int, str]:
        """The code and the reason with which the server closes the socket, whatever it says before."""
        received = None
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    await self.connection.recv()
            except websockets.ConnectionClosed as closed:
                received = closed.rcvd
        assert received is not None, "The server dropped the connection."
        return received.code, received.reason


@asynccontextmanager
async def connected(server: Server, protocol: str = PROTOCOL, **options: Any) -> AsyncGenerator[Client]:
    """A socket on which nothing was said yet."""
    async with websockets.connect(
        server.socket_url, subprotocols=[websockets.Subprotocol(protocol)], proxy=None, **options
    ) as connection:
        yield Client(connection)


@asynccontextmanager
async def signed_in(server: Server, actor: Actor | None = None) -> AsyncGenerator[Client]:
    """A socket on which somebody has signed in."""
    async with connected(server) as client:
        await client.sign_in(**server.headers(actor))
        yield client


@asynccontextmanager
async def watching(server: Server, actor: Actor, **variables: Any) -> AsyncGenerator[Client]:
    """A socket with a running subscription to order-status changes."""
    from support.waiting import until

    before = server.subscribers
    async with signed_in(server, actor) as client:
        await client.start(WATCH, **variables)
        await until(lambda: server.subscribers == before + 1)
        yield client
