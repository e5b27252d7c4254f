"""The HTTP protocol of the server: what ASGI has no words for.

Endless answers, the server-sent events, are ended; heads and bodies of requests have bounds in size and time, and
so has reading an answer; and what is no HTTP is refused in JSON, as everything else is. It stands on internals of
uvicorn, whose version is pinned; tests/app/test_http_protocol.py and tests/hostile hold what is relied on.
"""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, NoReturn, cast

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.graphql.sse import ENDLESS
from app.protocols.door import Door
from app.protocols.wire import LINE, bound_send_buffer
from app.requests import PROTECTING, RETRY_SECONDS

TOO_LARGE = "The address and the headers are too large."
TOO_SLOW = "The address and the headers took too long to come."
BODY_TOO_SLOW = "The body took too long to come."
TOO_MANY = "Too many requests were sent before the first was answered."
FULL = "The server has as many connections as it takes."
STOPPING = "The server stops."
NO_UPGRADE = "Only a GET without a body may ask for another protocol, behind no other request."

HEAD_MAX = 65_536
"""The largest head of a request, its address and headers, in bytes."""
HEADERS_MAX = 128
"""How many headers it may have."""
HEAD_SECONDS = 15.0
"""How long it may take to come: a client that sends a byte now and then holds a connection for nothing."""
BODY_SECONDS = 30.0
"""How long its body may take after it."""
PIPELINED_MAX = 16
"""How many requests may wait for the answer to the one before them: thousands fit into what is read at once."""
LAST_SECONDS = 0.05
"""For how long connections stay when the server stops, even where nothing was asked: what has come is not read yet."""
STILL_SECONDS = 120.0
"""For how long a client may take nothing of an answer."""


class _Unkept(list[tuple[bytes, bytes]]):
    """A list to which nothing is added: there may be thousands of trailers in what is read at once."""

    def append(self, _: tuple[bytes, bytes]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        pass


TRAILERS = _Unkept()


class HttpProtocol(HttpToolsProtocol):
    """Ends endless streams when the server stops, and at once those whose client reads nothing; bounds heads.

    It is the line of such a stream, which is told of an event without a task.
    """

    def __init__(self, *arguments: Any, patience: float, door: Door, **options: Any) -> None:
        """A listener that takes nothing for so many seconds of `patience` is dropped."""
        super().__init__(*arguments, **options)
        self._patience, self._door = patience, door
        self._answering: RequestResponseCycle | None = None
        self._impatience: asyncio.TimerHandle | None = None
        self._hurry: asyncio.TimerHandle | None = None
        self._is_body = self._is_done = self._is_stopping = False
        self._on_end: Callable[[], object] = _nobody
        self._size = 0
        """Bytes that belong to no body, since the last that did."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        if self._door.is_open(len(self.connections)):
            self._await_head()
            return
        # Told, and not read: whoever is kept until they have said what they want, takes the room that there is not.
        self.connections.discard(self)
        self._turn_away(FULL)

    def data_received(self, data: bytes) -> None:
        if self._is_done:
            return
        self._size += len(data)
        super().data_received(data)
        if self._is_done:
            return
        if self._size > HEAD_MAX:
            # A head that is not complete yet, or what may stand around the parts of a body.
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
        elif self._is_body and self._hurry is None:
            self._hurry = self.loop.call_later(BODY_SECONDS, self._lose_hurry, BODY_TOO_SLOW)
        elif not self._is_busy and self._hurry is None and self.timeout_keep_alive_task is None:
            # A part of a head, or empty lines between two requests, which would else be no request and no silence.
            self._await_head()

    def handle_websocket_upgrade(self) -> None:
        if self._is_stopping:
            self._turn_away(STOPPING)
            return
        self._is_done = True
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        self._stop_hurrying()
        size = len(self.url)
        for name, value in self.headers:
            size += len(name) + len(value)
        if size > HEAD_MAX or len(self.headers) > HEADERS_MAX:
            self._reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
        if len(self.pipeline) >= PIPELINED_MAX:
            self._reject(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY)
        parser: Any = self.parser
        wants_upgrade = parser.should_upgrade()
        if wants_upgrade and (self._is_busy or parser.get_method() != b"GET" or self._announces_body()):
            # The parser would take what follows for another protocol, and then for another request.
            self._reject(HTTPStatus.BAD_REQUEST, NO_UPGRADE)
        self._is_body = True
        super().on_headers_complete()
        if not wants_upgrade:
            # What comes behind a body, and claims to be a header, nobody has looked at on the way.
            self.headers = TRAILERS
        elif not self._should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_body = False
        self._stop_hurrying()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    @property
    def _is_busy(self) -> bool:
        """Whether another request is to be answered before the one that is being read, or awaited."""
        if self._is_body:
            return self._answering is not self.cycle
        return self._answering is not None and not self.cycle.response_complete

    @property
    def _stream(self) -> RequestResponseCycle | None:
        """What is being streamed without end, if anything."""
        cycle = self._answering
        is_endless = cycle is not None and not cycle.response_complete and ENDLESS in cycle.scope.get("state", {})
        return cycle if is_endless else None

    @property
    def is_writable(self) -> bool:
        return not self.flow.write_paused

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def attend(self, on_end: Callable[[], object]) -> None:
        self._on_end = on_end
        if self.transport.is_closing():
            on_end()
        else:
            bound_send_buffer(self.transport)

    def shutdown(self) -> None:
        self._is_stopping = True
        if self._answering is not None:
            self.cycle.keep_alive = False
        # Who is cut off with something to say cannot know whether it was heard.
        self.loop.call_later(LAST_SECONDS, self._part)

    def _part(self) -> None:
        super().shutdown()
        if (stream := self._stream) is None:
            return
        if self.flow.write_paused:
            self.transport.abort()
            return
        if stream.response_started:
            # The end of the body: who reads it has no error to deal with.
            self.transport.write(b"0\r\n\r\n")
        self._let_go(stream)
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._impatience = self.loop.call_later(self._patience, self._lose_patience)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._calm_down()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm_down()
        self._stop_hurrying()
        if self._answering is not None and not self._answering.response_complete:
            # The library tells only the newest request, and another may wait behind the one that is being answered. To
            # write to a connection that is closed is a fault to uvloop.
            self._let_go(self._answering)
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        if self._is_stopping and cycle is self.cycle:
            cycle.keep_alive = False
        cast("Any", cycle.scope)["extensions"] = {LINE: self}
        super()._start_asgi_task(cycle, app)

    def _lose_patience(self, left: int = 0) -> None:
        """`left` is how much there was to be written at the last look."""
        now_left = self.transport.get_write_buffer_size()
        if self._stream is not None or now_left == left:
            self.transport.abort()
        else:
            # A download may be slow; what comes behind it may be a stream.
            self._impatience = self.loop.call_later(STILL_SECONDS, self._lose_patience, now_left)

    def _calm_down(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _await_head(self) -> None:
        self._hurry = self.loop.call_later(HEAD_SECONDS, self._lose_hurry, TOO_SLOW)

    def _lose_hurry(self, message: str) -> None:
        if self._is_busy:
            # It may be we who do not read.
            self._hurry = self.loop.call_later(HEAD_SECONDS, self._lose_hurry, message)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, message)

    def _stop_hurrying(self) -> None:
        self._size = 0
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _announces_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        )

    def _reject(self, status: HTTPStatus, message: str) -> NoReturn:
        """Refuse, from within the parser, which takes any error for a reason to stop."""
        self._refuse(status, message)
        raise ValueError(message)

    def _refuse(self, status: HTTPStatus, message: str, code: str = "BAD_REQUEST", headers: Sequence[str] = ()) -> None:
        """Answer what never becomes a request, and close the connection; what was asked before is answered first."""
        self._stop_hurrying()
        self._is_done = True
        if self.transport.is_closing():
            return
        if self._is_busy and self._answering is not None:
            self.pipeline.clear()
            self._answering.keep_alive = False
            return
        if self._is_body and self.cycle.response_started:
            self.transport.close()
            return
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}",
            "Content-Type: application/json; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *headers,
            *(f"{name}: {value}" for name, value in PROTECTING.items()),
        )
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        self.transport.close()

    def _turn_away(self, message: str) -> None:
        self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, message, "BUSY", (f"Retry-After: {RETRY_SECONDS}",))

    def _let_go(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()
        on_end, self._on_end = self._on_end, _nobody
        on_end()


def _nobody() -> None:
    """Nothing is streamed."""
