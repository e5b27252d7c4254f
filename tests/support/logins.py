"""A shop to sign in to with the provider of the tests, and what its front end asks."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from support.provider import CLIENT_ID, CLIENT_SECRET
from support.server import Server

from app.login.settings import Provider
from app.settings import Settings

FRONT_END = "https://shop.example"
TRADE = """mutation ($code: String!) {
  tokenFromLogin(input: {code: $code}) {
    accessToken refreshToken expiresIn user { username email } userErrors { code field }
  }
}"""


def at(url: str, kind: str) -> Provider:
    return Provider(name=kind, issuer=f"{url}/{kind}", client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET))


def login_settings(module_url: str, provider: str, data_dir: Path) -> Settings:
    """The settings of a server that knows the provider under several names."""
    return Settings(
        database_url=module_url,
        broadcast_url="memory://",
        data_dir=data_dir,
        allowed_origins=FRONT_END,
        registrations_per_address=0,
        logins_per_address=0,
        oidc_providers=(
            *(at(provider, kind) for kind in ("honest", "posting", "meddling")),
            at(provider, "open").model_copy(update={"client_secret": None}),
        ),
    )


async def whoami(shop: Server, access_token: str) -> Any:
    headers = {"Authorization": f"Bearer {access_token}"}
    query = "{ me { username email isAdmin } }"
    return (await shop.http.post("/graphql", json={"query": query}, headers=headers)).json()["data"]["me"]


async def rows(shop: Server, query: str, **parameters: Any) -> list[Any]:
    return [tuple(row) for row in await shop.process.database.read(text(query), parameters)]
