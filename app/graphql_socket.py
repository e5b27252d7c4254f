"""GraphQL over WebSocket (graphql-transport-ws): what the library leaves to us."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage

from graph.context import Context

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


class Conversation(BaseGraphQLTransportWSHandler[Context, None]):
    """One socket; a message of the wrong shape closes it, and only it."""

    async def handle_message(self, message: Any) -> None:
        if _is_well_formed(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        # A socket may outlive the token it was opened with. Clients answer this code by connecting anew, and then
        # ask for a token that is still valid.
        expires_at = self.context.viewer.expires_at
        if expires_at is not None and expires_at <= datetime.now(UTC):
            await self.websocket.close(FORBIDDEN, "The access token has ended")
            return
        await super().handle_subscribe(message)


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
