"""What the OAuth 2 endpoints answer, and what is well known of them: all that takes Authlib."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import structlog
from authlib.oauth2 import OAuth2Error
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.access.callers import origin_of
from app.oauth.clients import BASIC, BEARER, NONE, POST
from app.oauth.endpoints import IntrospectionEndpoint, RevocationEndpoint
from app.oauth.errors import described
from app.oauth.grants import GRANTS
from app.oauth.requests import read
from app.oauth.server import OAuthServer, required
from app.wiring import Process
from domain.actor import Scope

log = structlog.get_logger("orderwire.http")

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

Handler = Callable[[Request], Awaitable[Response]]


def _guarded(handler: Handler) -> Handler:
    """Whatever goes wrong is told as RFC 6749 says; a fault is logged and masked."""

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except OAuth2Error as error:
            told: Any = error
            status, body, headers = told()
            return JSONResponse(dict(body), status, dict(headers))
        except HTTPException as error:
            return _error(error.status_code, "invalid_request", error.detail)
        except ClientDisconnect:
            return _error(400, "invalid_request", "The request was not sent to its end.")
        except Exception:
            log.exception("fault")
            message = f"Something went wrong on our side. Request {request.state.request_id} is in the log."
            return _error(500, "server_error", message)

    return guarded


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": described(message)}, status, NO_STORE)


@_guarded
async def token(request: Request) -> Response:
    """Trade a password, a refresh token or the secret of a machine for tokens (RFC 6749, section 3.2)."""
    form = await read(request)
    required(form.form, "grant_type")
    return await _server(request).trade(GRANTS, form)


@_guarded
async def revoke(request: Request) -> Response:
    """End the session of a token (RFC 7009)."""
    return await _server(request).ask(RevocationEndpoint, await read(request))


@_guarded
async def introspect(request: Request) -> Response:
    """Tell what a token stands for (RFC 7662)."""
    return await _server(request).ask(IntrospectionEndpoint, await read(request))


async def metadata(request: Request) -> Response:
    """What the server offers, and where (RFC 8414); in production only where it was told where that is."""
    process: Process = request.app.state.process
    settings = process.settings
    if settings.public_url is None and not settings.is_development:
        # The issuer must be the one of its tokens (section 3.3), and a request may name any host.
        raise HTTPException(404, "There is no metadata without ORDERWIRE_PUBLIC_URL.")
    issuer = settings.public_url or str(request.base_url).rstrip("/")
    secrets = [BASIC, POST]
    told = {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": list(Scope),
        "response_types_supported": [],
        "grant_types_supported": [grant.GRANT_TYPE for grant in GRANTS],
        "token_endpoint_auth_methods_supported": [NONE, *secrets],
        "revocation_endpoint_auth_methods_supported": [NONE, *secrets],
        "introspection_endpoint_auth_methods_supported": [*secrets, BEARER],
    }
    return JSONResponse(told, headers=NO_STORE)


def _server(request: Request) -> OAuthServer:
    process: Process = request.app.state.process
    return OAuthServer(process.services, origin_of(request.scope))
