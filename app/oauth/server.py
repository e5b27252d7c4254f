"""Authlib's authorization server over the commands of the domain.

Authlib is synchronous, and the commands are not. So its code runs in a greenlet, which hands each command over to the
event loop and waits for it there. It is the way by which SQLAlchemy runs over an asynchronous driver; it takes no
thread, and no copy of Authlib's rules (docs/decisions/0007-tokens.md).
"""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, TypeVar

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidRequestError,
    OAuth2Request,
    TokenEndpoint,
    UnsupportedGrantTypeError,
)
from authlib.oauth2.rfc6749.grants import BaseGrant
from sqlalchemy.util import await_, greenlet_spawn
from starlette.responses import JSONResponse, Response

from app.access.callers import actor_of
from app.access.throttle import tell_failure
from app.oauth.clients import BEARER, FIRST_PARTY_ID, NONE, FirstParty, Machine, Reader
from app.oauth.errors import as_error
from app.oauth.requests import FormRequest
from domain.actor import Actor, Origin, Scope
from domain.clients.commands import find_client
from domain.refusals import Refused
from graph.context import Services, ShopUnitOfWork

T = TypeVar("T")


class OAuthServer(AuthorizationServer):
    """The authorization server for one request: what Authlib asks of it does not say which request it is for."""

    def __init__(self, services: Services, origin: Origin) -> None:
        super().__init__(scopes_supported=list(Scope))
        self.services, self._origin = services, origin
        self._machine: str | None = None
        """The machine that says who it is, where there is such a one."""
        # The stubs of the library know less of it than it does.
        self._library: Any = self
        self._library.register_client_auth_method(NONE, _first_party)
        self._library.register_client_auth_method(BEARER, self._reader)

    async def trade(self, grants: Iterable[type[BaseGrant]], request: FormRequest) -> Response:
        """Answer a request for tokens."""
        for grant in grants:
            self._library.register_grant(grant)
        return await greenlet_spawn(self._library.create_token_response, request)

    async def ask(self, endpoint: type[TokenEndpoint], request: FormRequest) -> Response:
        """Answer a request that is about a token."""
        self._library.register_endpoint(endpoint)
        return await greenlet_spawn(self._library.create_endpoint_response, endpoint.ENDPOINT_NAME, request)

    def begin(self) -> ShopUnitOfWork:
        """A transaction in the name of nobody: who signs in is not known before it has ended."""
        return self.services.begin(Actor.anonymous(), self._origin)

    def query_client(self, client_id: str) -> Machine:
        client = wait(find_client(self.begin(), client_id))
        self._machine = client.client_id if client else None
        return Machine(client)

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        return request

    def get_token_grant(self, request: OAuth2Request) -> Any:
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError as error:
            # Told in our own words: the library would repeat whatever was sent.
            error.get_error_description = lambda: "There are: password, refresh_token, client_credentials."
            raise

    def handle_response(self, status: int, body: Mapping[str, Any], headers: Any) -> Response:
        if body.get("error") == InvalidClientError.error:
            tell_failure("invalid_client", self._machine, self._origin)
        return JSONResponse(dict(body), status, dict(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what happened is an event of the log."""

    def save_token(self, token: Any, request: OAuth2Request) -> None:
        """Nothing: the command that made it has stored what is to be stored."""

    def _reader(self, _query_client: object, request: FormRequest) -> Reader | None:
        header = request.authorization
        if not header.lower().startswith("bearer "):
            return None
        try:
            return Reader() if actor_of(self.services.issuer, header).has(Scope.USERS_READ) else None
        except Refused:
            return None


def _first_party(_query_client: object, request: FormRequest) -> FirstParty | None:
    """One of our own applications, unless the request names another client or brings a secret."""
    is_ours = request.form.get("client_id", FIRST_PARTY_ID) == FIRST_PARTY_ID
    return FirstParty() if is_ours and not request.has_basic and "client_secret" not in request.form else None


def wait(work: Awaitable[T]) -> T:
    """Wait for a command, within the code of Authlib.

    Raises:
        OAuth2Error: the command refused.
    """
    try:
        return await_(work)
    except Refused as refused:
        raise as_error(refused) from refused


def required(form: Mapping[str, str], name: str) -> str:
    """A parameter that may not be left out."""
    if name not in form:
        raise InvalidRequestError(f"The parameter {name} is missing.")
    return form[name]
