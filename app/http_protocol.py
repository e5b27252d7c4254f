"""The HTTP protocol of the server: what ASGI has no words for.

Endless answers, the server-sent events, are ended; heads of requests have bounds in size and time; and what is no HTTP
is refused in JSON, as everything else is. It stands on internals of uvicorn, whose version is pinned;
tests/app/test_http_protocol.py and tests/hostile hold what is relied on.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.graphql_sse import ENDLESS
from app.requests import PROTECTING

TOO_LARGE = "The address and the headers are too large."
TOO_SLOW = "The address and the headers took too long to come."

HEAD_MAX = 65_536
"""The largest head of a request, its address and headers, in bytes."""
HEADERS_MAX = 128
"""How many headers it may have."""
HEAD_SECONDS = 15.0
"""How long it may take to come: a client that sends a byte now and then holds a connection for nothing."""


class HttpProtocol(HttpToolsProtocol):
    """Ends endless streams when the server stops, and at once those whose client reads nothing; bounds heads."""

    def __init__(self, *arguments: Any, patience: float, **options: Any) -> None:
        """A listener that takes nothing for so many seconds of `patience` is dropped."""
        super().__init__(*arguments, **options)
        self._patience = patience
        self._answering: RequestResponseCycle | None = None
        self._impatience: asyncio.TimerHandle | None = None
        self._hurry: asyncio.TimerHandle | None = None
        self._head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        awaited = self._hurry
        super().data_received(data)
        if awaited is not None and awaited is self._hurry:
            # All of it belongs to one head, which is not complete yet.
            self._head_size += len(data)
            if self._head_size > HEAD_MAX:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._hurry is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_hurrying()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_MAX or len(self.headers) > HEADERS_MAX:
            # The parser takes any error for a reason to stop.
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
            raise ValueError(TOO_LARGE)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    @property
    def _stream(self) -> RequestResponseCycle | None:
        """What is being streamed without end, if anything."""
        cycle = self._answering
        is_endless = cycle is not None and not cycle.response_complete and ENDLESS in cycle.scope.get("state", {})
        return cycle if is_endless else None

    def shutdown(self) -> None:
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
        if (stream := self._stream) is not None:
            # The library tells only the newest request, and another may wait behind the stream.
            self._let_go(stream)
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _lose_patience(self) -> None:
        if self._stream is not None:
            self.transport.abort()
        else:
            # A download may be slow; what comes behind it may be a stream.
            self._impatience = self.loop.call_later(self._patience, self._lose_patience)

    def _calm_down(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _await_head(self) -> None:
        self._head_size = 0
        self._hurry = self.loop.call_later(HEAD_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)

    def _stop_hurrying(self) -> None:
        self._head_size = 0
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer what never becomes a request, and close the connection."""
        self._stop_hurrying()
        if self.transport.is_closing():
            return
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}",
            "Content-Type: application/json; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in PROTECTING.items()),
        )
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        self.transport.close()

    def _let_go(self, stream: RequestResponseCycle) -> None:
        stream.disconnected = True
        stream.message_event.set()
