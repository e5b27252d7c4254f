"""GraphQL over WebSocket: who is let in, and who carries the conversation."""

import asyncio
from collections import deque
from contextlib import suppress

import structlog
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin

from app.access.callers import actor_of, origin_of
from app.graphql import messages
from app.graphql.conversation import Conversation
from app.graphql.sockets import Sockets
from app.protocols.socket import EXTENSION
from app.protocols.wire import Carried, Wire, shortened
from domain.refusals import Refused

log = structlog.get_logger("orderwire.socket")

AHEAD = 16
"""Messages that may wait for a server which is given them one by one."""


class SocketEndpoint:
    """The handshake; an ASGI application.

    With our own server the connection is carried without ASGI from then on; with any other, by ASGI.
    """

    def __init__(self, allowed_origins: tuple[str, ...]) -> None:
        self._origins = normalize_allowed_origins(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if not self._is_allowed(socket):
            log.info("websocket_refused", origin=socket.headers["origin"])
            await socket.close()
            return
        is_understood = messages.PROTOCOL in scope["subprotocols"]
        await socket.accept(messages.PROTOCOL if is_understood else None)
        take = scope.get("extensions", {}).get(EXTENSION)
        wire = take() if take is not None else AsgiWire(receive, send)
        if is_understood:
            await wire.carry(_conversation(socket, wire))
        else:
            await wire.carry(TurnedAway(wire, messages.NOT_ACCEPTABLE, "Subprotocol not acceptable"))

    def _is_allowed(self, socket: WebSocket) -> bool:
        """Whether the page that asks may: browsers let every page open sockets, and say which it is."""
        origin = socket.headers.get("origin")
        if origin is None or socket.headers.get("sec-fetch-site") == "same-origin":
            return True
        is_own = is_same_origin(origin, socket.headers.get("host"))
        return is_own or "*" in self._origins or normalize_origin(origin) in self._origins


def _conversation(socket: WebSocket, wire: Wire) -> Carried:
    sockets: Sockets = socket.app.state.sockets
    try:
        # A client that is no browser may send the token as a header of the handshake.
        viewer = actor_of(sockets.services.issuer, socket.headers.get("authorization"))
    except Refused:
        return TurnedAway(wire, messages.FORBIDDEN, "Forbidden")
    return Conversation(sockets, wire, viewer, origin_of(socket.scope))


class TurnedAway:
    """Somebody who is told why not, as soon as that can be told: browsers show no status of a handshake."""

    def __init__(self, wire: Wire, code: int, reason: str) -> None:
        self._wire, self._code, self._reason = wire, code, reason

    def begin(self) -> None:
        self._wire.close(self._code, self._reason)

    def receive(self, said: str | bytes) -> None:
        """Nothing."""

    def resume(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class AsgiWire:
    """Carries a conversation by ASGI, where the server is not ours: one task receives, one sends."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._waiting: deque[Message] = deque()
        # A future costs less than an event, and this is waited for before each message.
        self._news: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._is_closed = False

    @property
    def is_writable(self) -> bool:
        return len(self._waiting) < AHEAD

    def write(self, text: bytes) -> None:
        self._put({"type": "websocket.send", "text": text.decode()})

    def close(self, code: int, reason: str = "") -> None:
        if not self._is_closed:
            self._put({"type": "websocket.close", "code": code, "reason": shortened(reason)})
            self._is_closed = True
            self._carried.end()

    async def carry(self, carried: Carried) -> None:
        """Carry until the client has gone."""
        self._carried = carried
        sending = asyncio.create_task(self._send_all())
        carried.begin()
        try:
            while (message := await self._receive())["type"] != "websocket.disconnect":
                text: str | None = message.get("text")
                carried.receive((message.get("bytes") or b"") if text is None else text)
                # What a client sends is read no faster than it reads what it is answered.
                await self._room.wait()
        finally:
            self._is_closed = True
            carried.end()
            sending.cancel()
            await asyncio.wait([sending])

    def _put(self, message: Message) -> None:
        if not self._is_closed:
            self._waiting.append(message)
            if self._news is not None:
                self._news.set_result(None)
                self._news = None
            if not self.is_writable:
                self._room.clear()

    async def _send_all(self) -> None:
        # Who has gone is told nothing; that it has gone comes by the other way.
        with suppress(Exception):
            while True:
                while self._waiting:
                    await self._send(self._waiting.popleft())
                    if not self._room.is_set() and self.is_writable:
                        self._room.set()
                        self._carried.resume()
                if self._is_closed:
                    break
                self._news = asyncio.get_running_loop().create_future()
                await self._news
        self._room.set()
