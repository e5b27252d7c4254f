"""What becomes of tokens afterwards: revocation (RFC 7009) and introspection (RFC 7662)."""

from typing import Any

from authlib.oauth2 import rfc7009, rfc7662

from app.oauth.clients import BASIC, BEARER, NONE, POST, Machine
from app.oauth.requests import FormRequest
from app.oauth.server import OAuthServer, required, wait
from domain.tokens.model import TokenFacts, TokenKind
from domain.tokens.revoking import revoke_token, verify_token


class Held:
    """An active token, as Authlib asks about it."""

    def __init__(self, facts: TokenFacts) -> None:
        self.facts = facts

    def check_client(self, client: object) -> bool:
        """A machine ends its own tokens only; whoever else holds a token may end it."""
        return not isinstance(client, Machine) or client.client.user_id == self.facts.user_id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class Finding:
    """Finds a token whatever its kind; a hint about that may be ignored (RFC 7009, section 2.1)."""

    server: OAuthServer

    def check_params(self, request: FormRequest, client: object) -> None:  # noqa: ARG002  (the same for each)
        required(request.form, "token")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Held | None:  # noqa: ARG002
        facts = wait(verify_token(self.server.begin(), self.server.services.issuer, token_string))
        return Held(facts) if facts else None


class RevocationEndpoint(Finding, rfc7009.RevocationEndpoint):
    """`/oauth/revoke`: ends the session of a token. One that is not active has nothing to end, and is no error."""

    CLIENT_AUTH_METHODS = [NONE, BASIC, POST]

    def revoke_token(self, token: Held, request: FormRequest) -> None:  # noqa: ARG002  (the session ends whole)
        wait(revoke_token(self.server.begin(), self.server.services.issuer, request.form["token"]))


class IntrospectionEndpoint(Finding, rfc7662.IntrospectionEndpoint):
    """`/oauth/introspect`: tells machines, and those who may read all users, what a token stands for."""

    CLIENT_AUTH_METHODS = [BASIC, POST, BEARER]

    def check_permission(self, token: Held, client: object, request: FormRequest) -> bool:  # noqa: ARG002
        return True

    def introspect_token(self, token: Held) -> dict[str, Any]:
        facts = token.facts
        told = {
            "active": True,
            "sub": str(facts.user_id),
            "username": facts.username,
            "scope": " ".join(facts.scopes),
            "exp": int(facts.expires_at.timestamp()),
            "jti": str(facts.token_id),
            "sid": str(facts.session),
        }
        return told | ({"token_type": "Bearer"} if facts.kind is TokenKind.ACCESS else {})
