"""The WebSocket protocol of the server: uvicorn shakes hands, and then gives the connection away.

A connection that is handed over is carried by an object of its own, with nothing of the handshake and without a task.
This stands on internals of uvicorn, whose version is pinned; tests/app/test_socket_protocol.py holds what is relied on.
"""

import asyncio
import logging
import random
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from app.protocols.wire import RESTART, TRY_AGAIN, Carried, bound_send_buffer, shortened

EXTENSION = "orderwire.take"
"""Where the scope of a connection holds the function that takes it, once it is accepted."""

AT_ONCE = 4096
"""Bytes of one client that are read before others have their turn. They may be hundreds of frames, each of which takes
as long as a full one; and what comes at once may be many times as much."""

FINAL_TEXT = 0x81
INVALID_DATA = 1007

PATIENCE = 2.0
"""Seconds for which a client may still read why it is being closed, and take leave itself."""

log = logging.getLogger("orderwire.frames")
# That a connection ends is told with its request id already.
log.setLevel(logging.WARNING)


@lru_cache(maxsize=1024)
def _head(size: int) -> bytes:
    """What stands before a text message in one frame that is not masked, as RFC 6455, section 5.2, lays it out.

    The library's own takes six times as long, which a thousand subscribers feel.
    """
    if size < 126:  # noqa: PLR2004  (the lengths that the protocol names)
        return bytes((FINAL_TEXT, size))
    if size < 1 << 16:
        return struct.pack("!BBH", FINAL_TEXT, 126, size)
    return struct.pack("!BBQ", FINAL_TEXT, 127, size)


class SocketProtocol(WebSocketsSansIOProtocol):
    """Shakes hands by the application, which may then take the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        bound_send_buffer(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # A head that websockets does not read, for one of its lines is too long: what it has to say of that, the
            # library leaves unsaid, and the connection open for ever.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            cast("Any", self.scope)["extensions"][EXTENSION] = self._hand_over

    def _hand_over(self) -> "Socket":
        """Give the connection away, in the same step in which it was accepted: the client cannot have said anything."""
        self.stop_keepalive()
        taken = Socket(self.transport, self.config, cast("Any", self.connections))
        self.connections.discard(self)
        # Whatever the library still does with this object, it does to nobody: it closes where an application returns.
        self.transport, self.handshake_complete = _NOBODY, True
        return taken


class _Nobody(asyncio.Transport):
    """A connection that is somebody else's by now."""

    def is_closing(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing."""


_NOBODY = _Nobody()


class Socket(asyncio.Protocol):
    """An open WebSocket, which carries text.

    Everything is a callback of the transport, or of the one timer: for the next ping, its answer, or the end. What a
    client sends is read no faster than it reads what it is answered.
    """

    __slots__ = (
        "_carried",
        "_connections",
        "_frames",
        "_heartbeat",
        "_is_closed",
        "_kind",
        "_message",
        "_pinged",
        "_timer",
        "_transport",
        "_turn",
        "_unread",
        "is_writable",
    )

    def __init__(self, transport: asyncio.Transport, config: uvicorn.Config, connections: set[Any]) -> None:
        self._transport, self._connections = transport, connections
        self._heartbeat = config.ws_ping_interval or 0.0
        # Not that of the handshake, which keeps all that was said in it.
        self._frames = Protocol(SERVER, max_size=config.ws_max_size, logger=log)
        self._message = bytearray()
        self._unread = b""
        self._turn: asyncio.Handle | None = None
        self._kind = Opcode.TEXT
        self._pinged: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.is_writable = True
        connections.add(self)
        transport.set_protocol(self)
        transport.resume_reading()

    async def carry(self, carried: Carried) -> None:
        """Carry from now on, and return at once."""
        self._carried = carried
        self._rest()
        carried.begin()

    def write(self, text: bytes) -> None:
        if not self._is_closed:
            self._transport.write(_head(len(text)) + text)

    def close(self, code: int, reason: str = "") -> None:
        if self._is_closed:
            return
        # The client may just have taken leave itself.
        if self._frames.state is OPEN:
            self._frames.send_close(code, shortened(reason))
        self._ending()
        # The client's own goodbye is waited for, whatever it sends before.
        self._read_later()

    def shutdown(self) -> None:
        """The server stops."""
        self.close(RESTART)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if self._turn is None:
            self._read_on()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        self._carried.resume()
        self._read_later()

    def _read_later(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._read_on)

    def _read_on(self) -> None:
        """Read a part of what has come; the rest waits for its turn, or for the client to read what it is answered."""
        self._turn = None
        if self._can_read:
            data, self._unread = self._unread[:AT_ONCE], self._unread[AT_ONCE:]
            self._read(data)
        if self._transport.is_closing():
            return
        if self._unread and self._can_read:
            self._read_later()
        if self._unread or not self._can_read:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    @property
    def _can_read(self) -> bool:
        return self.is_writable or self._is_closed

    def _read(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if not self._is_closed:
                self._hear(cast("Frame", event))
        self._flush()
        if self._frames.eof_sent:
            # The client took leave, or broke the protocol: told to, it has nothing more to hear.
            self._ending()
            self._transport.close()

    def eof_received(self) -> None:
        self._ending()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (the name that asyncio gives it)
        self._connections.discard(self)
        self._is_closed = True
        self._stop_timer()
        self._carried.end()

    def _hear(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self._kind = frame.opcode
                self._hear_part(frame)
            case Opcode.CONT:
                self._hear_part(frame)
            case Opcode.PONG if frame.data == self._pinged:
                self._rest()
            case _:
                # The library answers pings and takes leave.
                pass

    def _hear_part(self, frame: Frame) -> None:
        # Put together at once: parts may be empty, and without number.
        self._message += frame.data
        if not frame.fin:
            return
        data, self._message = bytes(self._message), bytearray()
        try:
            said = data.decode() if self._kind is Opcode.TEXT else data
        except UnicodeDecodeError:
            self.close(INVALID_DATA, "Invalid UTF-8")
        else:
            self._carried.receive(said)

    def _rest(self) -> None:
        """Until it is time for the next ping."""
        self._pinged = None
        if self._heartbeat:
            self._after(self._heartbeat, self._ping)

    def _ping(self) -> None:
        self._pinged = random.randbytes(4)  # noqa: S311  (no secret: it tells answers apart)
        self._frames.send_ping(self._pinged)
        self._flush()
        self._after(self._heartbeat, self.close, TRY_AGAIN, "No answer to a ping")

    def _ending(self) -> None:
        """Say what is left to say, and be gone soon: there may be somebody who never reads it."""
        self._flush()
        if not self._is_closed:
            self._is_closed = True
            self._after(PATIENCE, self._transport.abort)
            self._carried.end()

    def _flush(self) -> None:
        output = b"".join(self._frames.data_to_send())
        # Who is being closed may ping without end, and is not answered.
        if output and not self._is_closed:
            self._transport.write(output)

    def _after(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, act, *arguments)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
