"""Who may call the OAuth 2 endpoints, and by which methods they say who they are."""

from authlib.oauth2.rfc6749 import ClientMixin

from domain.clients.model import Client

FIRST_PARTY_ID = "orderwire"
"""The client id of our own applications. They keep no secret, so it may as well be left out."""

BASIC, POST, NONE, BEARER = "client_secret_basic", "client_secret_post", "none", "Bearer"
"""The methods, by the names that RFC 8414 gives them in the metadata."""


class FirstParty(ClientMixin):
    """Our own applications, in which people sign in: public, so what they may is what the person may."""

    GRANTS = ("password", "refresh_token")

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002  (the same at each)
        return method == NONE

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.GRANTS


class Machine(ClientMixin):
    """A client with a secret. One that does not exist is one whose secret nobody knows: the two look the same."""

    GRANTS = ("client_credentials",)

    def __init__(self, client: Client | None) -> None:
        self._client = client

    @property
    def client(self) -> Client:
        """The client, which has been authenticated."""
        if self._client is None:
            raise RuntimeError("Nobody is authenticated as a client that does not exist.")
        return self._client

    def check_client_secret(self, client_secret: str) -> bool:
        return self._client is not None and self._client.accepts(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002  (the same at each)
        return method in {BASIC, POST}

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.GRANTS


class Reader(ClientMixin):
    """Somebody signed in who may read all users, and so may know whose a token is."""

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == BEARER and endpoint == "introspection"
