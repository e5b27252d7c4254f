"""A WebSocket client that says and reads only what a test has it say and read."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import orjson
import websockets
from support.server import Server
from support.sockets import PROTOCOL
from support.waiting import until
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.uri import parse_uri

from app.protocols.socket import Socket

LONG = f"{{ {'x' * 60_000}: __typename }}"
"""An operation whose answer is long, and cheap."""


class Bare:
    """Such a client; it answers no ping by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self._reader, self._writer, self._protocol = reader, writer, protocol

    async def send(self, **message: object) -> None:
        self._protocol.send_text(orjson.dumps(message))
        await self._flush()

    async def pour(self, frames: bytes) -> None:
        """Send what a library would not."""
        self._writer.write(frames)
        await self._writer.drain()

    async def close(self) -> None:
        self._protocol.send_close(1000)
        await self._flush()

    async def frames(self) -> AsyncGenerator[Frame]:
        """Every frame until the connection has ended."""
        while data := await self._reader.read(65536):
            self._protocol.receive_data(data)
            self._protocol.data_to_send()  # what the library would answer to pings and closes
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    yield event

    async def shake_hands(self) -> None:
        self._protocol.send_request(self._protocol.connect())
        await self._flush()
        while not self._protocol.events_received():
            self._protocol.receive_data(await self._reader.read(65536))

    async def _flush(self) -> None:
        self._writer.writelines(self._protocol.data_to_send())
        await self._writer.drain()


async def fill(server: Server, client: Bare) -> Socket:
    """Have a client that reads nothing be answered more than can be written; the server's end of the connection."""
    await client.send(type="connection_init")
    for number in range(27):
        await client.send(type="subscribe", id=str(number), payload={"query": LONG})
    [end] = [each for each in server.connections if isinstance(each, Socket)]
    await until(lambda: not end.is_writable)
    return end


@asynccontextmanager
async def bare(url: str, protocol: str = PROTOCOL) -> AsyncGenerator[Bare]:
    """A bare client, for which little waits on its own side."""
    parsed = parse_uri(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (parsed.host, parsed.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
    handshake = ClientProtocol(parsed, subprotocols=[websockets.Subprotocol(protocol)])
    client = Bare(reader, writer, handshake)
    try:
        await client.shake_hands()
        yield client
    finally:
        writer.transport.abort()
