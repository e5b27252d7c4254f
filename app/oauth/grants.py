"""What `/oauth/token` trades for tokens. Each grant is one command, which does all there is to do."""

from typing import Any, cast

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.util import scope_to_list

from app.access.tokens import as_body
from app.oauth.clients import BASIC, NONE, POST, Machine
from app.oauth.server import OAuthServer, required, wait
from domain.clients.commands import create_client_tokens
from domain.tokens.commands import create_tokens, refresh_tokens
from domain.tokens.model import Tokens


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):
    """A name and a password (RFC 6749, section 4.3), for our own applications."""

    TOKEN_ENDPOINT_AUTH_METHODS = [NONE, BASIC, POST]
    server: OAuthServer

    def validate_token_request(self) -> None:
        # First: what the library checks last would be refused after the sign-in.
        self.validate_requested_scope()
        super().validate_token_request()

    def authenticate_user(self, username: str, password: str) -> Tokens:
        services = self.server.services
        work = create_tokens(
            self.server.begin(), services.hasher, services.throttle, services.issuer, username, password
        )
        return wait(work)

    def create_token_response(self) -> Any:
        return _granted(cast("Tokens", self.request.user))


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """A refresh token, once (RFC 6749, section 6), for our own applications."""

    TOKEN_ENDPOINT_AUTH_METHODS = [NONE, BASIC, POST]
    server: OAuthServer

    def validate_token_request(self) -> None:
        self.validate_requested_scope()
        super().validate_token_request()

    def _validate_request_token(self, client: object) -> Tokens:  # noqa: ARG002  (any public client is the same)
        token = required(self.request.form, "refresh_token")
        return wait(refresh_tokens(self.server.begin(), self.server.services.issuer, token))

    def _validate_token_scope(self, token: Tokens) -> None:
        """Nothing, for the token is traded by now: `scope` in the answer tells what was granted."""

    def create_token_response(self) -> Any:
        return _granted(cast("Tokens", self.request.refresh_token))


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    """The secret of a machine (RFC 6749, section 4.4). It may ask for some of its scopes only."""

    TOKEN_ENDPOINT_AUTH_METHODS = [BASIC, POST]
    server: OAuthServer

    def create_token_response(self) -> Any:
        client = cast("Machine", self.client).client
        scope = self.request.form.get("scope")
        scopes = scope_to_list(scope) if scope else None
        return _granted(wait(create_client_tokens(self.server.begin(), self.server.services.issuer, client, scopes)))


GRANTS = (PasswordGrant, RefreshTokenGrant, ClientCredentialsGrant)


def _granted(tokens: Tokens) -> Any:
    """The answer with tokens, which nobody may keep."""
    return 200, as_body(tokens), default_json_headers
