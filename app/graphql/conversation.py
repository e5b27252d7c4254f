"""A conversation in graphql-transport-ws, whatever carries it.

It is called and calls back; nothing in it waits. So a subscriber that is told nothing is a few small objects, of which
a process may hold many thousands.
"""

import asyncio
import time
from typing import Any

import structlog
from graphql import GraphQLError

from app.access.callers import actor_of
from app.graphql import messages
from app.graphql.operation import Operation
from app.graphql.sockets import Sockets
from app.protocols.wire import NORMAL, TRY_AGAIN, Wire
from domain.actor import Actor, Origin, caller_of
from domain.refusals import Refused
from graph.context import Context
from graph.live.subscriber import Subscriber

log = structlog.get_logger("orderwire.socket")

NO_TOKEN = "none"  # noqa: S105  (what it says)
"""An Authorization that names nobody, and is refused."""


class Conversation:
    """What one client and the server say to each other."""

    __slots__ = (
        "_began",
        "_caller",
        "_is_acknowledged",
        "_is_over",
        "_operations",
        "_origin",
        "_sockets",
        "_timer",
        "_viewer",
        "_wire",
    )

    def __init__(self, sockets: Sockets, wire: Wire, viewer: Actor, origin: Origin) -> None:
        """`viewer` is whom the handshake names; the first message may name somebody else."""
        self._sockets, self._wire, self._viewer, self._origin = sockets, wire, viewer, origin
        self._operations: dict[str, Operation] = {}
        self._is_acknowledged = self._is_over = False
        self._began = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._caller = caller_of(viewer, origin)

    def begin(self) -> None:
        if self._enter():
            seconds = self._sockets.settings.socket_init_seconds
            self._close_after(seconds, messages.INIT_TIMEOUT, "Connection initialisation timeout")

    def receive(self, said: str | bytes) -> None:
        if self._is_over:
            return
        try:
            message = messages.read(said)
        except messages.MalformedError as error:
            self._wire.close(messages.BAD_REQUEST, str(error))
            return
        match message:
            case messages.Init():
                self._initialise(message.payload)
            case messages.Ping():
                self._wire.write(message.answer)
            case messages.Pong():
                pass
            case messages.Subscribe():
                self._subscribe(message)
            case messages.Complete():
                self._complete(message.id)

    def resume(self) -> None:
        for operation in tuple(self._operations.values()):
            operation.resume()

    def end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._stay()
        operations, self._operations = self._operations, {}
        for operation in operations.values():
            operation.stop()
        self._sockets.leave(self._caller)
        milliseconds = round((time.monotonic() - self._began) * 1000, 1)
        log.info("websocket", request_id=self._origin.request_id, milliseconds=milliseconds)

    def _initialise(self, payload: dict[str, Any]) -> None:
        """Sign in by `{"Authorization": "Bearer …"}`, where the payload holds it."""
        if self._is_acknowledged:
            self._wire.close(messages.TOO_MANY_INITS, "Too many initialisation requests")
            return
        authorization = {name.lower(): value for name, value in payload.items()}.get("authorization")
        if authorization is not None:
            # What is no text is no token; as a text it would be that, or nested too deeply to become one.
            told = authorization if isinstance(authorization, str) else NO_TOKEN
            try:
                self._viewer = actor_of(self._sockets.services.issuer, told)
            except Refused:
                self._wire.close(messages.FORBIDDEN, "Forbidden")
                return
            self._sockets.leave(self._caller)
            self._caller = caller_of(self._viewer, self._origin)
            if not self._enter():
                return
        self._is_acknowledged = True
        self._wire.write(messages.ACKNOWLEDGED)
        self._rest()

    def _enter(self) -> bool:
        """Be counted; whether the caller may have another socket."""
        is_welcome = self._sockets.enter(self._caller)
        if not is_welcome:
            self._wire.close(TRY_AGAIN, "Too many sockets")
        return is_welcome

    def _subscribe(self, asked: messages.Subscribe) -> None:
        most = self._sockets.settings.socket_operations
        if not self._is_acknowledged:
            self._wire.close(messages.UNAUTHORIZED, "Unauthorized")
        elif asked.id in self._operations:
            self._wire.close(messages.ALREADY_EXISTS, f"Subscriber for {asked.id} already exists")
        elif self._sockets.services.revocations.has_ended(self._viewer):
            # A socket may outlive the token it was opened with. Clients answer this code by connecting anew, and then
            # ask for a token that is still valid.
            self._wire.close(messages.FORBIDDEN, "The access token has ended")
        elif len(self._operations) >= most:
            self._wire.write(messages.too_many(asked.id, most))
        else:
            self._begin(asked)

    def _begin(self, asked: messages.Subscribe) -> None:
        try:
            query = self._sockets.documents.resolve(asked.query, asked.document_id, asked.extensions)
        except GraphQLError as error:
            self._wire.write(messages.error(asked.id, [error]))
            return
        self._stay()
        operation = self._operations[asked.id] = Operation(asked.id, self._wire, self._done)
        operation.start(self._sockets.spawn, lambda: self._stream(query, asked), self._origin.request_id)

    def _complete(self, operation_id: str) -> None:
        operation = self._operations.get(operation_id)
        # One that has just completed by itself is not there any more.
        if operation is not None:
            operation.stop()
            self._done(operation)

    def _done(self, operation: Operation) -> None:
        """An operation is over, and its id is free."""
        self._operations.pop(operation.id, None)
        if not self._operations and not self._is_over:
            self._rest()

    async def _stream(self, query: str, asked: messages.Subscribe) -> Subscriber:
        sockets = self._sockets
        context = Context(sockets.services, self._viewer, self._origin, takes_json=True)
        return await sockets.schema.stream(
            query,
            asked.variables,
            context,
            operation_name=asked.operation_name,
            operation_extensions=asked.extensions,
        )

    def _rest(self) -> None:
        """Nothing runs."""
        seconds = self._sockets.settings.socket_idle_seconds
        if seconds:
            self._close_after(seconds, NORMAL, "Idle")

    def _stay(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_after(self, seconds: float, code: int, reason: str) -> None:
        self._stay()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wire.close, code, reason)
