"""The routes of OAuth 2. What answers is imported for the first who asks: it brings Authlib, and many never do."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.access.keys import SHOWN

if TYPE_CHECKING:
    from app.wiring import Process


def _handler(name: str) -> Callable[[Request], Awaitable[Response]]:
    """One of app/oauth/handlers.py."""

    async def handle(request: Request) -> Response:
        return await getattr(import_module("app.oauth.handlers"), name)(request)

    return handle


async def jwks(request: Request) -> Response:
    """The public keys (RFC 7517), each of which is shown for longer than it may be cached before it signs."""
    process: Process = request.app.state.process
    return JSONResponse(process.keys.as_public(), headers={"Cache-Control": f"public, max-age={SHOWN // 2}"})


ROUTES = (
    Route("/oauth/token", _handler("token"), methods=["POST"]),
    Route("/oauth/revoke", _handler("revoke"), methods=["POST"]),
    Route("/oauth/introspect", _handler("introspect"), methods=["POST"]),
    Route("/.well-known/jwks.json", jwks),
    Route("/.well-known/oauth-authorization-server", _handler("metadata")),
)
