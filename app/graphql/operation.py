"""One operation of a socket: a task while it is executed, and none while a subscription waits for news."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing

import structlog
from strawberry.types.execution import PreExecutionError

from app.graphql import messages
from app.protocols.wire import TRY_AGAIN, Wire
from graph.live.member import Member, Told
from graph.live.results import encode
from graph.live.subscriber import Subscriber

log = structlog.get_logger("orderwire.socket")

Begin = Callable[[], Awaitable[Subscriber]]
"""Begins to execute what was asked for."""
Spawn = Callable[[Coroutine[object, object, None]], asyncio.Task[None]]
"""Runs something beside."""


class Operation:
    """Tells its results as fast as the client takes them, and then that it is complete."""

    __slots__ = ("_before", "_done", "_member", "_room", "_task", "_wire", "id")

    def __init__(self, operation_id: str, wire: Wire, done: Callable[["Operation"], None]) -> None:
        """`done` is told when the operation has come to an end of its own."""
        self.id = operation_id
        self._wire, self._done = wire, done
        self._before = messages.before_payload(operation_id)
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._member: Member | None = None

    def start(self, spawn: Spawn, begin: Begin, request_id: str) -> None:
        self._task = spawn(self._run(begin, request_id))

    def stop(self) -> None:
        """Tell nothing more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        member, self._member = self._member, None
        if member is not None:
            member.leave()

    def resume(self) -> None:
        """Go on: the wire is writable again."""
        if self._room is not None:
            self._room.set_result(None)
            self._room = None
        if self._member is not None:
            self._catch_up()

    async def _run(self, begin: Begin, request_id: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            last = await self._tell_alone(await begin())
        except Exception:
            # The schema presents what goes wrong in it; this went wrong around it.
            log.exception("fault")
            last = messages.fault(self.id, request_id)
        self._task = None
        if last is not None:
            self._finish(last)
        else:
            self._catch_up()

    async def _tell_alone(self, subscriber: Subscriber) -> bytes | None:
        """Tell what comes before a subscription has caught up, or all there is, and what to say last, if anything."""
        try:
            async with aclosing(subscriber.alone()) as results:
                async for result in results:
                    if isinstance(result, PreExecutionError):
                        return messages.error(self.id, result.errors or [])
                    await self._writable()
                    self._wire.write(self._before + messages.rest(encode(result)))
            self._member = subscriber.member
        finally:
            if subscriber.member is not None and self._member is None:
                subscriber.member.leave()
        if self._member is None:
            return messages.complete(self.id)
        self._member.deliver, self._member.wake = self._deliver, self._catch_up
        return None

    async def _writable(self) -> None:
        while not self._wire.is_writable:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def _deliver(self, told: Told) -> bool:
        if not self._wire.is_writable:
            return False
        self._wire.write(self._before + told.shaped(messages.rest))
        return True

    def _catch_up(self) -> None:
        """Tell what the member was given meanwhile."""
        while (member := self._member) is not None and (self._wire.is_writable or member.is_ended):
            told = member.take()
            if told is None:
                break
            self._wire.write(self._before + told.shaped(messages.rest))
            if told.resync is not None:
                # Its client reads too slowly, or not at all; on a new connection it goes on from the cursor.
                self._wire.close(TRY_AGAIN, f"RESYNC {told.resync}")
        if member is not None and member.is_over:
            self._finish(messages.complete(self.id))

    def _finish(self, last: bytes) -> None:
        self._member = None
        self._wire.write(last)
        self._done(self)
