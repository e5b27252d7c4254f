"""GraphQL over WebSocket (graphql-transport-ws): what the library leaves to us."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

import orjson
import structlog
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, SubscribeMessage

from app.socket_protocol import EXTENSION, TRY_AGAIN, SocketProtocol
from graph.context import Context
from graph.live.member import Member, Told
from graph.live.subscriber import Subscriber

log = structlog.get_logger("orderwire.socket")

FORBIDDEN = 4403
"""The close code of graphql-transport-ws for a client that may not connect."""


class TextFrames(ASGIWebSocketAdapter):
    """Sends text frames, as the protocol says; what orjson makes are bytes, which would go out as binary ones."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            # RuntimeError: the socket was closed from this side, while an operation still had something to say.
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        # Who is gone needs no goodbye; nor does who was told already.
        with suppress(WebSocketDisconnect, RuntimeError):
            await super().close(code, reason)


class Conversation(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket; a message of the wrong shape closes it, and only it."""

    websocket: TextFrames

    async def handle_message(self, message: Any) -> None:
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        await super().handle_connection_init(message)
        if self.connection_acknowledged:
            # It was cancelled; a socket may live for months.
            self.connection_init_timeout_task = None

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        # A socket may outlive the token it was opened with. Clients answer this code by connecting anew, and then
        # ask for a token that is still valid.
        if self.context.services.revocations.has_ended(self.context.viewer):
            await self.websocket.close(FORBIDDEN, "The access token has ended")
            return
        await super().handle_subscribe(message)

    async def handle_task_exception(self, error: Exception) -> None:
        # A client may vanish at any time, also while it is sent something.
        if not isinstance(error, WebSocketDisconnected):
            log.error("fault", exc_info=error)

    async def _send_result_stream(self, operation: Operation[Context, None], result_source: Any) -> None:
        writer = self.websocket.ws.scope["extensions"].get(EXTENSION)
        if writer is None:
            # Another server than ours.
            await super()._send_result_stream(operation, result_source)
            return
        subscriber: Subscriber = result_source
        async with aclosing(subscriber.alone()) as results:
            await super()._send_result_stream(operation, cast("Any", results))
        if subscriber.member is not None:
            await Delivery(writer, operation.id, subscriber.member).until_over()


class Delivery:
    """Writes what a member is given, at once where the client keeps up, and else as soon as it does again."""

    def __init__(self, writer: SocketProtocol, operation_id: str, member: Member) -> None:
        self._writer, self._member = writer, member
        self._before = b'{"id":%b,"type":"next","payload":' % orjson.dumps(operation_id)
        self._is_over = asyncio.get_running_loop().create_future()

    async def until_over(self) -> None:
        """Deliver until there is nothing more to come, or this is cancelled."""
        self._member.deliver, self._member.wake = self._deliver, self._catch_up
        self._writer.on_writable.append(self._catch_up)
        try:
            self._catch_up()
            await self._is_over
        finally:
            self._writer.on_writable.remove(self._catch_up)
            self._member.leave()

    def _deliver(self, told: Told) -> bool:
        if not self._writer.is_writable:
            return False
        self._writer.write(self._before + told.payload + b"}")
        return True

    def _catch_up(self) -> None:
        while self._writer.is_writable or self._member.is_ended:
            told = self._member.take()
            if told is None:
                break
            self._writer.write(self._before + told.payload + b"}")
            if told.resync is not None:
                # Its client reads too slowly, or not at all; on a new connection it goes on from the cursor.
                self._writer.drop(TRY_AGAIN, f"RESYNC {told.resync}")
        if self._member.is_over and not self._is_over.done():
            self._is_over.set_result(None)


def _is_well_formed(message: Any) -> bool:
    """Whether what the library takes for granted holds."""
    match message:
        case {"type": "subscribe", "id": str()}:
            return _is_operation(message.get("payload"))
        case {"type": "complete", "id": str()}:
            return True
        case {"type": str(kind)}:
            return kind not in {"subscribe", "complete"}
        case _:
            return False


def _is_operation(given: Any) -> bool:
    if not isinstance(given, dict):
        return False
    payload = cast("dict[str, Any]", given)
    return (
        isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
