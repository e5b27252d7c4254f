"""What conversations over WebSocket and streams over HTTP need of whatever carries them, and the other way round."""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

NORMAL = 1000
"""The close code of an end that is nobody's fault."""
RESTART = 1012
"""The close code "Service Restart": the server stops, most often to start again."""
TRY_AGAIN = 1013
"""The close code "Try Again Later": clients connect anew, as they do not after 1011, 4409 and 4429."""

SEND_BUFFER = 65_536
"""Bytes that the kernel may hold for a client that reads nothing; it would take megabytes."""

REASON_MAX = 123
"""Bytes of a reason, for which a close frame has room."""


class Wire(Protocol):
    """Carries text messages."""

    @property
    def is_writable(self) -> bool:
        """Whether what is written leaves at once. What is written in spite of it waits in memory."""
        ...

    def write(self, text: bytes) -> None:
        """Send a message, after all others; nothing once the wire is closed."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """Say no more than why, and end what is carried; once, and without waiting for a client that reads nothing."""
        ...


class Carried(Protocol):
    """What is carried."""

    def begin(self) -> None:
        """The wire is open."""
        ...

    def receive(self, said: str | bytes) -> None:
        """A message has come; one in a binary frame as bytes."""
        ...

    def resume(self) -> None:
        """The wire is writable again."""
        ...

    def end(self) -> None:
        """The wire is closed; may be told twice."""
        ...


LINE = "orderwire.line"
"""Where the scope of a request holds the line of an answer without end, with our own server."""


class Line(Protocol):
    """Carries an answer without end past ASGI, once its head was sent."""

    @property
    def is_writable(self) -> bool:
        """Whether what is written leaves at once. What is written in spite of it waits in memory."""
        ...

    def write(self, data: bytes) -> None:
        """Send chunks of the body, after all others; nothing to a client that has gone."""
        ...

    def attend(self, on_end: Callable[[], object]) -> None:
        """Call `on_end` once when nothing can be told any more: the client has gone, or the server stops."""
        ...


def bound_send_buffer(transport: asyncio.BaseTransport) -> None:
    """Have the kernel hold little: who listens and reads nothing is to be noticed soon."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def chunk(data: bytes) -> bytes:
    """A part of a body, as RFC 9112, section 7.1, lays it out where nobody knows how long the whole will be."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def shortened(reason: str) -> str:
    """As much of a reason as a close frame can hold."""
    return reason.encode()[:REASON_MAX].decode(errors="ignore")
