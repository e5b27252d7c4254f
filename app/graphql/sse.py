"""GraphQL over server-sent events: the distinct connections mode of graphql-sse, one request for each operation.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any, Self

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.graphql.answer import payload
from app.graphql.request import EVENT_STREAM, BadRequest
from graph.live.subscriber import Subscriber

ENDLESS = "endless"
"""Where the state of a request holds what is streamed until one side has enough."""

HEARTBEAT_MAX = 15.0
"""Seconds after which something is sent at the latest: many a proxy closes what is silent for longer."""

COMMENT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"
"""The empty field is for EventSource, which passes over events without data."""

HEADERS = {
    # Without a charset, which the framework would add: there is but one.
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store, no-transform",
    # nginx would else collect what is small.
    "X-Accel-Buffering": "no",
}


Results = Subscriber | AsyncGenerator[Any]


class Listeners:
    """How many streams each caller has open in this process."""

    def __init__(self, most: int) -> None:
        """One caller may have `most`."""
        self._most = most
        self._open: Counter[str] = Counter()

    def place(self, caller: str) -> ExitStack:
        """A place for one stream more, which is free again when it is closed.

        Raises:
            BadRequest: TOO_MANY_STREAMS, with status 429.
        """
        if self._open[caller] >= self._most:
            message = f"You have {self._most} streams open. Close one, or use one WebSocket for many subscriptions."
            raise BadRequest(message, 429, "TOO_MANY_STREAMS")
        self._open[caller] += 1
        place = ExitStack()
        place.callback(self._leave, caller)
        return place

    def _leave(self, caller: str) -> None:
        self._open[caller] -= 1
        if not self._open[caller]:
            # What is kept must not grow with all who were ever here.
            del self._open[caller]


class EventStream(StreamingResponse):
    """The answer that tells the results of an operation as they come."""

    def __init__(self, results: Results, heartbeat: float = HEARTBEAT_MAX, place: ExitStack | None = None) -> None:
        """`heartbeat` is in seconds; `place` is closed at the end."""
        self._events = _events(results, min(heartbeat, HEARTBEAT_MAX))
        super().__init__(self._events, headers=HEADERS)
        self._results, self._place = results, place or ExitStack()

    @classmethod
    def telling(cls, result: Any) -> Self:
        """A stream with one result, for what failed before anything could run."""

        async def one() -> AsyncGenerator[Any]:
            yield result

        return cls(one())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][ENDLESS] = self
        with self._place:
            # When the client goes, the framework leaves both to the garbage collector.
            async with aclosing(self._results), aclosing(self._events):
                await super().__call__(scope, receive, send)


async def _events(results: Results, heartbeat: float) -> AsyncGenerator[bytes]:
    """The bytes of the stream: each result as it comes, and a comment where none comes for a while."""
    waiting: asyncio.Queue[Any] = asyncio.Queue(1)
    # One task for all of them: the operation counts its statements in the context that it was begun in.
    reading = asyncio.create_task(_read(results, waiting))
    try:
        while True:
            try:
                async with asyncio.timeout(heartbeat):
                    result = await waiting.get()
            except TimeoutError:
                yield COMMENT
                continue
            if isinstance(result, Exception):
                raise result
            if result is None:
                yield COMPLETE
                return
            yield b"event: next\ndata: " + orjson.dumps(payload(result)) + b"\n\n"
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _read(results: Results, waiting: asyncio.Queue[Any]) -> None:
    try:
        async for result in results:
            await waiting.put(result)
    except Exception as fault:
        # Raised again where the stream is sent.
        await waiting.put(fault)
    else:
        await waiting.put(None)
