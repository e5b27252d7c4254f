"""The shortcut of plain requests: past the middleware and the routing that would have nothing to do for them."""

from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/graphql"
DIGITS = 10
"""So many digits of a length are read: a body that has more is too large by any setting."""


class Shortcut:
    """Gives a plain POST request to the endpoint at once, and everything else to the middleware of the application.

    Plain is what sends a body of a declared length within the limit, and no Origin, on which CORS would have a say. The
    endpoint is the same on both ways, and so is all that it does.
    """

    def __init__(self, app: ASGIApp, endpoint: ASGIApp, most: int) -> None:
        """`endpoint` is that of `PATH`, with what is around every request; `most` is the largest body in bytes."""
        self._app, self._endpoint, self._most = app, endpoint, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._endpoint if self._is_plain(scope) else self._app)(scope, receive, send)

    def _is_plain(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            return False
        length = b""
        for name, value in scope["headers"]:
            if name in {b"origin", b"transfer-encoding"}:
                return False
            if name == b"content-length":
                length = value
        return length.isdigit() and len(length) <= DIGITS and int(length) <= self._most
