"""The WebSocket protocol of the server: what live streams need that ASGI has no words for.

It stands on internals of uvicorn, whose version is pinned; tests/app/test_socket_protocol.py holds what is relied on.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "orderwire.writer"
"""Where the scope of a connection holds its protocol."""

TRY_AGAIN = 1013
"""The close code "Try Again Later": clients connect anew, as they do not after 1011, 4409 and 4429."""

SEND_BUFFER = 65_536
"""Bytes that the kernel may hold for a client that reads nothing; it would take megabytes."""

FINAL_TEXT = 0x81

PATIENCE = 2.0
"""Seconds for which a client that is being dropped may still read."""


def _frame(text: bytes) -> bytes:
    """A text message in one frame that is not masked, as RFC 6455, section 5.2, lays it out.

    The library's own takes six times as long, which a thousand subscribers feel.
    """
    size = len(text)
    if size < 126:  # noqa: PLR2004  (the lengths that the protocol names)
        return bytes((FINAL_TEXT, size)) + text
    if size < 1 << 16:
        return struct.pack("!BBH", FINAL_TEXT, 126, size) + text
    return struct.pack("!BBQ", FINAL_TEXT, 127, size) + text


class SocketProtocol(WebSocketsSansIOProtocol):
    """Writes at once where the client keeps up, tells when it does again, and drops one that does not.

    `is_writable` while what is written leaves at once; whatever is in `on_writable` is called when it does again.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.is_writable = True
        self.on_writable: list[Callable[[], None]] = []

    def write(self, text: bytes) -> None:
        """Write a text message, in the order of all that is sent; nothing where the connection is closing."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(_frame(text))

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
        self._abort_soon()

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

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_writable = False

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_writable = True
        for tell in tuple(self.on_writable):
            tell()

    def shutdown(self) -> None:
        super().shutdown()
        self._abort_soon()

    def send_keepalive_ping(self) -> None:
        super().send_keepalive_ping()
        self._must_end()

    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self.pending_ping_payload = None
        self._must_end()
        self.drop(TRY_AGAIN, "No answer to a ping")

    def _must_end(self) -> None:
        """Should the connection be closing: what is still to be sent may be for somebody who never reads it."""
        if self.close_sent or self.transport.is_closing():
            self._abort_soon()

    def _abort_soon(self) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(PATIENCE, self.transport.abort)
