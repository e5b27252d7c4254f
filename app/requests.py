"""What happens around every HTTP request: an id, which every log line carries, and a limit to its body."""

import re
import time

import structlog
from cross_web import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.base import new_id

log = structlog.get_logger("orderwire.http")

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestId:
    """Takes the request id from the header, or makes one; binds it to the log; returns it with the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        # Anything else could forge lines of the log.
        request_id = given if ACCEPTED.fullmatch(given) else str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
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
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer)
            finally:
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                log.info("http", method=scope["method"], path=scope["path"], status=status, milliseconds=milliseconds)


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
        if not declared.isdigit() or int(declared) > self._most:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise HTTPException(413, self._message)
            return message

        await self._app(scope, counted, send)

    @property
    def _message(self) -> str:
        return f"The body has more than {self._most} bytes."

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = {"message": self._message, "extensions": {"code": "BAD_REQUEST"}}
        await JSONResponse({"errors": [error]}, status_code=413)(scope, receive, send)
