"""The routes of OAuth 2. What answers is imported for the first who asks: it brings Authlib, and many never do."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.access.keys import SHOWN

if TYPE_CHECKING:
    from app.wiring import Process


async def token(request: Request) -> Response:
    from app.oauth.handlers import token

    return await token(request)


async def revoke(request: Request) -> Response:
    from app.oauth.handlers import revoke

    return await revoke(request)


async def introspect(request: Request) -> Response:
    from app.oauth.handlers import introspect

    return await introspect(request)


async def metadata(request: Request) -> Response:
    from app.oauth.handlers import metadata

    return await metadata(request)


async def jwks(request: Request) -> Response:
    """The public keys (RFC 7517), each of which is shown for longer than it may be cached before it signs."""
    process: Process = request.app.state.process
    return JSONResponse(process.keys.as_public(), headers={"Cache-Control": f"public, max-age={SHOWN // 2}"})


ROUTES = (
    Route("/oauth/token", token, methods=["POST"]),
    Route("/oauth/revoke", revoke, methods=["POST"]),
    Route("/oauth/introspect", introspect, methods=["POST"]),
    Route("/.well-known/jwks.json", jwks),
    Route("/.well-known/oauth-authorization-server", metadata),
)
