"""GraphQL over WebSocket (graphql-transport-ws): what the library leaves to us."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any, cast

import orjson
import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, SubscribeMessage

from app.callers import actor_of, origin_of
from app.graphql_documents import Documents
from app.socket_protocol import EXTENSION, TRY_AGAIN, SocketProtocol
from app.wiring import Process
from domain.refusals import Refused
from graph.context import Context
from graph.live.member import Member, Told
from graph.live.subscriber import Subscriber
from graph.schema import ShopSchema

log = structlog.get_logger("orderwire.socket")

FORBIDDEN = 4403
"""The close code of graphql-transport-ws for a client that may not connect."""

INIT_TIMEOUT = timedelta(seconds=10)


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
        payload = cast("dict[str, Any]", message["payload"])
        documents = cast("SocketEndpoint", self.view).documents
        try:
            query = documents.resolve(payload.get("query"), payload.get("documentId"), payload.get("extensions"))
        except GraphQLError as error:
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        await super().handle_subscribe(cast("SubscribeMessage", {**message, "payload": {**payload, "query": query}}))

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


class SocketEndpoint(GraphQL[Context, None]):
    """The endpoint for sockets: who asks, under which request id."""

    websocket_adapter_class = TextFrames
    graphql_transport_ws_handler_class = Conversation

    def __init__(self, schema: ShopSchema, documents: Documents, allowed_origins: tuple[str, ...]) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=INIT_TIMEOUT,
            allowed_origins=allowed_origins,
        )
        self.documents = documents

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        try:
            await self.run(socket)
        except Refused:
            # A client that is no browser may send the token as a header of the handshake.
            await socket.close(FORBIDDEN, "Forbidden")

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002  (the library's)
    ) -> Context:
        process: Process = request.app.state.process
        actor = actor_of(process.services.issuer, request.headers.get("authorization"))
        return Context(process.services, actor, origin_of(request))

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    async def on_ws_connect(self, context: Context) -> Any:
        """Sign in by `{"Authorization": "Bearer …"}` in the payload of connection_init."""
        given = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        # A socket that waits for months need not keep a token of minutes.
        context.connection_params = None
        authorization = given.get("authorization")
        try:
            if authorization is not None:
                context.viewer = actor_of(context.services.issuer, str(authorization))
        except Refused:
            raise ConnectionRejectionError from None
        return await super().on_ws_connect(context)


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
        isinstance(payload.get("query", ""), str)
        and isinstance(payload.get("documentId"), str | None)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
        and isinstance(payload.get("extensions"), dict | None)
        and not payload.keys().isdisjoint({"query", "documentId", "extensions"})
    )
