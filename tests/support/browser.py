"""What a browser does in a sign-in with a provider: it keeps cookies, and goes where it is sent when a test says so."""

import itertools
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from support.server import CLIENT, Server

_numbers = itertools.count(1)


def somebody(**claims: Any) -> dict[str, Any]:
    """A person whom nobody here knows yet, as the provider tells of them."""
    name = f"somebody{next(_numbers)}"
    known = {"sub": f"sub-{name}", "preferred_username": name, "email": f"{name}@example.com", "email_verified": True}
    return {**known, **claims}


class Browser:
    """A browser that has just been opened."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def start(self, provider: str = "honest", **params: str) -> httpx.Response:
        """Ask to be sent to a provider."""
        return await self.http.get(f"/auth/login/{provider}", params=params)

    async def at_provider(self, started: httpx.Response, claims: dict[str, Any], **person: Any) -> str:
        """Sign in there as a person; the address to which the provider sends the browser back."""
        assert started.status_code == 302, started.text
        told = json.dumps({"claims": claims, **person})
        answer = await self.http.get(httpx.URL(started.headers["location"]).copy_merge_params({"person": told}))
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def sign_in(
        self, claims: dict[str, Any], provider: str = "honest", return_to: str | None = None, **person: Any
    ) -> httpx.Response:
        """There and back."""
        started = await self.start(provider, **({"return_to": return_to} if return_to else {}))
        return await self.http.get(await self.at_provider(started, claims, **person))


@asynccontextmanager
async def browser(server: Server, **headers: str) -> AsyncGenerator[Browser]:
    async with httpx.AsyncClient(base_url=server.url, headers=headers, **CLIENT) as http:
        yield Browser(http)


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a sign-in that was refused, which must hold no token and be kept by nobody."""
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body.keys() == {"errors"}
    [error] = body["errors"]
    return response.status_code, error["extensions"]["code"]
