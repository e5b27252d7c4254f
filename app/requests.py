"""What happens around every HTTP request: an id, which every log line carries, headers that protect browsers, a limit
to the body, and an answer even where something went wrong inside.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterable
from typing import cast

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from app.graphql.answer import error_response

log = structlog.get_logger("orderwire.http")

HEADER = "X-Request-ID"
RAW_HEADER = b"x-request-id"
"""As ASGI has it."""
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")

PROTECTING = {
    # An answer that is shown as a page by itself runs nothing, and is framed by nobody.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Who may read it from elsewhere is asked by CORS; nobody else embeds it.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Answers differ by who asks.
    "Cache-Control": "no-store",
    # By CORS too, whether or not it was asked.
    "Vary": "Origin",
}
"""Headers of every answer, unless it has its own."""

RAW_PROTECTING = [(name.lower().encode(), value.encode()) for name, value in PROTECTING.items()]
PROTECTING_NAMES = frozenset(name for name, _ in RAW_PROTECTING)
TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=31536000")
"""A year in which a browser that came by HTTPS comes by nothing else."""

RETRY_SECONDS = 5
"""When whoever finds no room, or a server that stops, may come again."""


class RequestId:
    """Takes the request id from the header, or makes one; binds it to the log; returns it with the answer.

    A fault that nobody caught is logged under the id, and told without what it was. Who is given up because the server
    stops is told that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Bound once: the log is set up by now.
        self._log: structlog.stdlib.BoundLogger = log.bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = request_id = _request_id(scope["headers"])
        if scope["type"] == "websocket":
            # Its line is written when it ends, which the handshake does not wait for.
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = headers = [*message["headers"], (RAW_HEADER, request_id.encode())]
                protect(headers, scope["scheme"])
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            # It left while it still had something to say: nobody is there to be answered.
            pass
        except asyncio.CancelledError:
            # The server stops, and waits no longer.
            if not status:
                await _given_up()(scope, receive, answer)
        except Exception:
            log.exception("fault")
            if status:
                # Too late for an answer: the server breaks the connection off.
                raise
            await _fault(request_id)(scope, receive, answer)
        finally:
            self._tell(scope, status, started)
            structlog.contextvars.reset_contextvars(**bound)

    def _tell(self, scope: Scope, status: int, started: float) -> None:
        """The line of a request in the log."""
        if self._log.isEnabledFor(logging.INFO):
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            self._log.info("http", method=scope["method"], path=scope["path"], status=status, milliseconds=milliseconds)


class BodyLimit:
    """Refuses a request body that is too large with 413, before it is held in memory."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        """`most` is the largest body in bytes."""
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        told = f"The body has more than {self._most} bytes."
        if not declared.isdigit() or int(declared) > self._most:
            await error_response(413, "BAD_REQUEST", told)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise HTTPException(413, told)
            return message

        await self._app(scope, counted, send)


def protect(headers: list[tuple[bytes, bytes]], scheme: str) -> None:
    """Add what protects browsers, and those who use them, to the headers of an answer."""
    given = PROTECTING_NAMES.intersection(name for name, _ in headers)
    headers += [each for each in RAW_PROTECTING if each[0] not in given] if given else RAW_PROTECTING
    if scheme == "https":
        headers.append(TRANSPORT_SECURITY)


async def explain(_request: Request, refused: Exception) -> Response:
    """What the framework refuses, an unknown path or method, told as every error of this server is."""
    refused = cast("HTTPException", refused)
    code = "NOT_FOUND" if refused.status_code == 404 else "BAD_REQUEST"  # noqa: PLR2004
    response = error_response(refused.status_code, code, f"{refused.detail.rstrip('.')}.")
    response.headers.update(refused.headers or {})
    return response


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that came with a request, or a new one."""
    for name, value in headers:
        if name == RAW_HEADER:
            given = value.decode("latin-1")
            # Anything else could forge lines of the log.
            return given if ACCEPTED.fullmatch(given) else str(uuid7())
    return str(uuid7())


def _fault(request_id: str) -> Response:
    message = f"Something went wrong on our side. Request {request_id} is in the log."
    return error_response(500, "INTERNAL_SERVER_ERROR", message)


def _given_up() -> Response:
    message = "The server stops, and gave this up. What it was to change may be changed all the same."
    response = error_response(503, "BUSY", message)
    response.headers.update({"Retry-After": str(RETRY_SECONDS), "Connection": "close"})
    return response
