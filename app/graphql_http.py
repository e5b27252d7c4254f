"""GraphQL over HTTP, WebSocket and server-sent events, and the playground, all at /graphql."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import orjson
import structlog
from cross_web import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.base import BaseRequestProtocol
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from app.graphql_socket import Conversation, TextFrames
from app.wiring import Process
from domain.actor import Actor, Origin
from domain.refusals import Refused
from domain.tokens.ports import TokenIssuer
from graph.context import Context
from graph.live.subscriber import Subscriber
from graph.schema import ShopSchema

log = structlog.get_logger("orderwire.http")

PLAYGROUND = Path(__file__).parent.parent / "playground" / "dist"
INIT_TIMEOUT = timedelta(seconds=10)
METHOD_NOT_ALLOWED = 405
FORBIDDEN = 4403

ENDLESS = "endless"
"""Where the state of a request holds what is streamed until one side has enough."""

PLAYGROUND_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:;"
    " connect-src 'self' ws: wss:; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)

WITHOUT_PLAYGROUND = """<!doctype html><title>Orderwire</title>
<h1>The playground is not installed</h1>
<p>Its assets are built by npm. Install Node.js 20 or newer with npm, run <code>make setup</code> and reload this page.
The API itself is running: send <code>POST</code> requests to this address.</p>"""


class GraphQLEndpoint(GraphQL[Context, None]):
    """The endpoint: who asks, under which request id; errors always as JSON."""

    websocket_adapter_class = TextFrames
    graphql_transport_ws_handler_class = Conversation

    def __init__(self, schema: ShopSchema, allowed_origins: tuple[str, ...], playground: Path) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=INIT_TIMEOUT,
            allowed_origins=allowed_origins,
        )
        self._playground = playground

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._converse(WebSocket(scope, receive, send))
            return
        request_id: str = scope["state"]["request_id"]
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as error:
            response = _bad_request(error, scope["method"])
        except Refused as refused:
            response = _refusal(401, refused.refusals[0].code, str(refused))
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        except Exception:
            log.exception("fault")
            message = f"Something went wrong on our side. Request {request_id} is in the log."
            response = _refusal(500, "INTERNAL_SERVER_ERROR", message)
        await response(scope, receive, send)

    async def _converse(self, socket: WebSocket) -> None:
        try:
            await self.run(socket)
        except Refused:
            # A client that is no browser may send the token as a header of the handshake.
            await socket.close(FORBIDDEN, "Forbidden")

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        process: Process = request.app.state.process
        actor = actor_of(process.services.issuer, request.headers.get("authorization"))
        return Context(process.services, actor, origin_of(request))

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

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        accept = request.headers.get("accept", "")
        return request.method == "GET" and "query" not in request.query_params and "text/html" in accept

    async def render_graphql_ide(self, request: Request) -> Response:
        page = self._playground / "index.html"
        headers = {"Content-Security-Policy": PLAYGROUND_POLICY, "Cache-Control": "no-cache"}
        if not page.exists():
            return HTMLResponse(WITHOUT_PLAYGROUND, headers=headers)
        return FileResponse(page, headers=headers)

    async def execute_operation(self, request: Request, **given: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        result: Any = await super().execute_operation(request, **given)
        if isinstance(result, Subscriber):
            request.scope["state"][ENDLESS] = result
        return result

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        async def closed() -> AsyncIterator[str]:
            # The library leaves this to the garbage collector.
            async with aclosing(request.scope["state"][ENDLESS]):
                async for part in stream():
                    yield part

        return await super().create_streaming_response(request, closed, sub_response, headers)

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def parse_json(self, data: str | bytes) -> Any:
        parsed = super().parse_json(data)
        if not isinstance(parsed, dict | list):
            raise HTTPException(400, "Expected a JSON object.")
        return cast("Any", parsed)


def origin_of(connection: HTTPConnection) -> Origin:
    """Which request this is, and where it comes from."""
    return Origin(connection.state.request_id, connection.client.host if connection.client else None)


def actor_of(issuer: TokenIssuer, authorization: str | None) -> Actor:
    """Whom the value of an Authorization header names; nobody without one.

    Raises:
        Refused: it is no bearer token of ours.
    """
    if not authorization:
        return Actor.anonymous()
    scheme, _, token = authorization.partition(" ")
    return issuer.actor(token.strip() if scheme.lower() == "bearer" else "")


def _bad_request(error: HTTPException, method: str) -> JSONResponse:
    """The answer to a request that is none of GraphQL's; GET does not run what changes something."""
    is_mutation_by_get = method == "GET" and isinstance(error.__cause__, InvalidOperationTypeError)
    response = _refusal(405 if is_mutation_by_get else error.status_code, "BAD_REQUEST", error.reason)
    if response.status_code == METHOD_NOT_ALLOWED:
        response.headers["Allow"] = "POST" if is_mutation_by_get else "GET, POST"
    return response


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status_code=status)
