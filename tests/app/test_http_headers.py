"""What keeps browsers, and those who use them, safe: headers of every answer, and who may read it."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from support.server import Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERY = {"query": "{ me { id } }"}
ORIGIN = "https://shop.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
EXPECTED = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/graphql?query=%7Bme%7Bid%7D%7D", {}),
        ("GET", "/graphql", {}),
        ("PUT", "/graphql", {}),
        ("GET", "/graphql?query=%7Bme%7Bid%7D%7D", {"Authorization": "Bearer nonsense"}),
        ("GET", "/nothing", {}),
        ("GET", "/health", {}),
        ("GET", "/ready", {}),
        ("GET", "/", {}),
        ("OPTIONS", "/graphql", PREFLIGHT),
    ],
)
async def test_every_answer_is_protected(lasting: Server, method: str, path: str, headers: dict[str, str]):
    response = await lasting.http.request(method, path, headers=headers)

    assert {name: response.headers.get(name) for name in EXPECTED} == EXPECTED
    assert "strict-transport-security" not in response.headers
    assert "server" not in response.headers


async def test_a_body_that_is_too_large_is_told_with_them_too(lasting: Server):
    response = await lasting.http.post("/graphql", content=b" " * (lasting.process.settings.max_body_bytes + 1))

    assert response.status_code == 413
    assert {name: response.headers.get(name) for name in EXPECTED} == EXPECTED


async def test_a_stream_keeps_its_own_word_on_caching(lasting: Server):
    response = await lasting.http.post("/graphql", json=QUERY, headers={"Accept": "text/event-stream"})

    expected = {**EXPECTED, "cache-control": "no-store, no-transform"}
    assert {name: response.headers.get(name) for name in expected} == expected


async def test_who_came_by_https_stays_with_it(lasting: Server):
    response = await lasting.http.post("/graphql", json=QUERY, headers={"X-Forwarded-Proto": "https"})

    assert response.headers["strict-transport-security"] == "max-age=31536000"


async def test_pages_of_other_origins_may_not_read_anything(lasting: Server):
    preflight = await lasting.http.options("/graphql", headers=PREFLIGHT)
    response = await lasting.http.post("/graphql", json=QUERY, headers={"Origin": ORIGIN})

    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in response.headers


@pytest_asyncio.fixture(loop_scope="module")
async def opened(lasting: Server) -> AsyncGenerator[Server]:
    """A server that lets pages of two origins in."""
    origins = {"allowed_origins": f"{ORIGIN}, https://other.example"}
    async with serving(lasting.process.settings.model_copy(update=origins)) as server:
        yield server


async def test_pages_of_allowed_origins_may_but_never_with_cookies(opened: Server):
    preflight = await opened.http.options("/graphql", headers=PREFLIGHT)
    response = await opened.http.post("/graphql", json=QUERY, headers={"Origin": "https://other.example"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    assert response.headers["access-control-allow-origin"] == "https://other.example"
    assert response.headers["access-control-expose-headers"] == "X-Request-ID"
    assert response.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in {*preflight.headers, *response.headers}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example", "*"])
async def test_pages_of_all_others_may_not(opened: Server, origin: str):
    preflight = await opened.http.options("/graphql", headers={**PREFLIGHT, "Origin": origin})
    response = await opened.http.post("/graphql", json=QUERY, headers={"Origin": origin})

    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "asked", [{"Access-Control-Request-Method": "DELETE"}, {"Access-Control-Request-Headers": "x-odd"}]
)
async def test_a_page_may_send_no_more_than_is_needed(opened: Server, asked: dict[str, str]):
    preflight = await opened.http.options("/graphql", headers={**PREFLIGHT, **asked})

    assert preflight.status_code == 400
