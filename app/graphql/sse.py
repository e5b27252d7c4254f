"""GraphQL over server-sent events: the distinct connections mode of graphql-sse, one request for each operation.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.graphql.answer import payload
from app.graphql.request import EVENT_STREAM, BadRequest
from app.protocols.wire import LINE, Line, chunk
from graph.live.member import Told
from graph.live.subscriber import Subscriber
from graph.writing import encoded

ENDLESS = "endless"
"""Where the state of a request holds what is streamed until one side has enough."""

HEARTBEAT_MAX = 15.0
"""Seconds after which something is sent at the latest: many a proxy closes what is silent for longer."""

COMMENT = b":\n\n"
BEAT = chunk(COMMENT)
COMPLETE = b"event: complete\ndata:\n\n"
"""The empty field is for EventSource, which passes over events without data."""

HEADERS = {
    # Without a charset, which the framework would add: there is but one.
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store, no-transform",
    # nginx would else collect what is small.
    "X-Accel-Buffering": "no",
}


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


def telling(result: Any) -> Response:
    """A stream with one result, for what failed before anything could run."""
    return Response(_event(encoded(payload(result))) + COMPLETE, headers=HEADERS)


class EventStream(Response):
    """The answer that tells the results of an operation as they come.

    What is new goes to a line without a task, as the same bytes for all who listen. The task of the request writes what
    comes before that, and what waits for a client that reads slowly; without a line, everything.
    """

    def __init__(self, results: Subscriber, heartbeat: float = HEARTBEAT_MAX, place: ExitStack | None = None) -> None:
        """`heartbeat` is in seconds; `place` is closed at the end."""
        super().__init__(headers=HEADERS)
        # Nobody knows how long it will be.
        del self.headers["Content-Length"]
        self._results, self._place = results, place or ExitStack()
        self._heartbeat = min(heartbeat, HEARTBEAT_MAX)
        self._listening = asyncio.timeout(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][ENDLESS] = self
        self._send = send
        line: Line | None = scope.get("extensions", {}).get(LINE)
        with self._place:
            try:
                async with aclosing(self._results), self._listening, self._attended(line, receive):
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    await self._tell(line)
            except TimeoutError:
                if not self._listening.expired():
                    raise
                # The client has gone, or we stop: what ran was ended in the middle.
                return
            await send({"type": "http.response.body", "body": COMPLETE})

    async def _tell(self, line: Line | None) -> None:
        async with aclosing(self._results.alone()) as results:
            async for result in results:
                await self._write(_event(encoded(payload(result))))
        if (member := self._results.member) is None:
            return
        news = asyncio.Event()
        member.wake = news.set
        if line is not None:
            member.deliver = partial(_deliver, line)
        while not member.is_over:
            news.clear()
            while (told := member.take()) is not None:
                await self._write(_event(told.payload))
            if not member.is_over:
                await news.wait()

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def _end(self) -> None:
        self._listening.reschedule(0)

    @asynccontextmanager
    async def _attended(self, line: Line | None, receive: Receive) -> AsyncGenerator[None]:
        """Hear that the client has gone, and say something now and then."""
        if line is None:
            beside = asyncio.create_task(self._attend(receive))
            try:
                yield
            finally:
                beside.cancel()
                await asyncio.wait([beside])
            return
        self._beat_later(line)
        line.attend(self._end)
        try:
            yield
        finally:
            self._beating.cancel()
            line.attend(_nobody)

    def _beat_later(self, line: Line) -> None:
        self._beating = asyncio.get_running_loop().call_later(self._heartbeat, self._beat, line)

    def _beat(self, line: Line) -> None:
        # Who has not taken what came before, waits for nothing.
        if line.is_writable:
            line.write(BEAT)
        self._beat_later(line)

    async def _attend(self, receive: Receive) -> None:
        leaving = asyncio.create_task(_left(receive))
        try:
            while not (await asyncio.wait([leaving], timeout=self._heartbeat))[0]:
                await self._write(COMMENT)
            self._end()
        finally:
            leaving.cancel()
            await asyncio.wait([leaving])


async def _left(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(result: bytes) -> bytes:
    """What tells a result."""
    return b"event: next\ndata: %b\n\n" % result


def _chunk(result: bytes) -> bytes:
    return chunk(_event(result))


def _deliver(line: Line, told: Told) -> bool:
    if not line.is_writable:
        return False
    line.write(told.shaped(_chunk))
    return True


def _nobody() -> None:
    """Nothing is streamed any more."""
