"""The WebSocket protocol of the server: what live streams need that ASGI has no words for.

It stands on internals of uvicorn, whose version is pinned; tests/app/test_socket_protocol.py holds what is relied on.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

EXTENSION = "orderwire.writer"
"""Where the scope of a connection holds its protocol."""

TRY_AGAIN = 1013
"""The close code "Try Again Later": clients connect anew, as they do not after 1011, 4409 and 4429."""

SEND_BUFFER = 65_536
"""Bytes that the kernel may hold for a client that reads nothing; it would take megabytes."""

PATIENCE = 2.0
"""Seconds for which a client that is being dropped may still read."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Writes at once where the client keeps up, tells when it does again, and drops one that does not."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.on_writable: list[Callable[[], None]] = []

    @property
    def is_writable(self) -> bool:
        """Whether what is written now leaves at once."""
        return self.writable.is_set()

    def write(self, text: bytes) -> None:
        """Write a text message, in the order of all that is sent; nothing where the connection is closing."""
        if self.close_sent or self.transport.is_closing():
            return
        try:
            self.conn.send_text(text)
        except InvalidState:
            return
        self.transport.write(b"".join(self.conn.data_to_send()))

    def drop(self, code: int, reason: str) -> None:
        """Close, without waiting for ever for a client that may not even read that."""
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            # The client's own goodbye is waited for.
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(PATIENCE, self.transport.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            cast("Any", self.scope)["extensions"][EXTENSION] = self

    def start_keepalive(self) -> None:
        super().start_keepalive()
        # What was said in the handshake is a tenth of what an idle connection holds, and nobody asks for it again.
        self.request.headers.clear()
        self.response.headers.clear()

    def resume_writing(self) -> None:
        super().resume_writing()
        for tell in tuple(self.on_writable):
            tell()

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self.pending_ping_payload = None
        self.drop(TRY_AGAIN, "No answer to a ping")
