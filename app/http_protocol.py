"""The HTTP protocol of the server: what endless answers, the server-sent events, need that ASGI has no words for.

It stands on internals of uvicorn, whose version is pinned; tests/app/test_http_protocol.py holds what is relied on.
"""

import asyncio
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.graphql_sse import ENDLESS


class HttpProtocol(HttpToolsProtocol):
    """Ends endless streams when the server stops, and at once those whose client reads nothing."""

    def __init__(self, *arguments: Any, patience: float, **options: Any) -> None:
        """A listener that takes nothing for so many seconds of `patience` is dropped."""
        super().__init__(*arguments, **options)
        self._patience = patience
        self._answering: RequestResponseCycle | None = None
        self._impatience: asyncio.TimerHandle | None = None

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

    def _let_go(self, stream: RequestResponseCycle) -> None:
        stream.disconnected = True
        stream.message_event.set()
