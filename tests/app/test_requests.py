"""What happens around every request: its id, and the playground."""

import tracemalloc
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from support.log import logged
from support.server import Server, serving

from app import faults
from app.access.callers import origin_of
from app.graphql.http import PLAYGROUND

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERY = {"query": "{ me { id } }"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
needs_playground = pytest.mark.skipif(
    not (PLAYGROUND / "index.html").exists(), reason="The playground is not built: install npm and run `make setup`."
)


@pytest.mark.parametrize("given", ["a", "4bf92f35-77b3:1.2_x", "A" * 128])
async def test_a_request_keeps_its_id(lasting: Server, given: str):
    response = await lasting.http.post("/graphql", json=QUERY, headers={"X-Request-ID": given})

    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", 'a"b', "a\tb", "{}", "<script>", "A" * 129, "\xe9"])
async def test_an_odd_id_is_replaced(lasting: Server, given: str):
    headers = {"X-Request-ID": given.encode("latin-1")}

    response = await lasting.http.post("/graphql", json=QUERY, headers=headers)

    assert UUID(response.headers["x-request-id"]).version == 7


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/graphql", 415),
        ("PUT", "/graphql", 405),
        ("GET", "/graphql", 400),
        ("GET", "/nothing", 404),
        ("GET", "/health", 200),
        ("POST", "/health", 405),
        ("GET", "/playground/nothing.js", 404),
        ("GET", "/playground/../app/main.py", 404),
        ("GET", "/playground/%2e%2e/src/main.jsx", 404),
        ("POST", "/playground/app.js", 405),
    ],
)
async def test_every_answer_carries_an_id(lasting: Server, method: str, path: str, status: int):
    response = await lasting.http.request(method, path, headers={"X-Request-ID": "mine"})

    assert (response.status_code, response.headers["x-request-id"]) == (status, "mine")


@pytest.mark.asyncio(loop_scope="function")
async def test_what_a_proxy_tells_is_kept_where_it_is_an_address(server: Server):
    told = {"unknown": None, "_hidden": None, "192.0.2.0/24": None, "192.0.2.7:4711": "192.0.2.7"}
    told |= {"fe80::1%eth0": "fe80::1", "[2001:db8::1]:80": "2001:db8::1"}

    for number, each in enumerate(told):
        given = f'username: "user{number}", email: "user{number}@example.com", password: "correct horse"'
        query = f"mutation {{ userRegister(input: {{{given}}}) {{ userErrors {{ code }} }} }}"
        answer = await server.http.post("/graphql", json={"query": query}, headers={"X-Forwarded-For": each})
        assert answer.json()["data"] == {"userRegister": {"userErrors": []}}

    addresses = await logged(server.process.database, "host(address)")
    assert [address for (address,) in addresses] == list(told.values())


async def test_a_refused_token_carries_an_id_as_well(lasting: Server):
    headers = {"X-Request-ID": "mine", "Authorization": "Bearer nonsense"}

    response = await lasting.http.post("/graphql", json=QUERY, headers=headers)

    assert (response.status_code, response.headers["x-request-id"]) == (401, "mine")


@needs_playground
async def test_a_browser_gets_the_playground_and_its_assets(lasting: Server):
    page = await lasting.http.get("/graphql", headers=HTML)
    assets = [await lasting.http.get(f"/playground/{name}") for name in ("app.js", "app.css", "favicon.svg")]

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Orderwire playground</title>" in page.text
    policy = page.headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "frame-ancestors 'none'", "worker-src 'self'"} <= set(policy)
    assert [asset.status_code for asset in assets] == [200, 200, 200]
    # A worker obeys the policy that comes with its own file.
    assert {asset.headers["content-security-policy"] for asset in assets} == {page.headers["content-security-policy"]}
    assert {asset.headers["cache-control"] for asset in (page, *assets)} == {"no-cache"}


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/graphql-response+json"])
async def test_others_do_not_get_the_playground(lasting: Server, accept: str):
    response = await lasting.http.get("/graphql", headers={"Accept": accept})

    assert response.status_code == 400
    assert response.headers["content-type"].startswith(accept.replace("*/*", "application/json"))


async def test_a_browser_that_sends_a_query_gets_its_answer(lasting: Server):
    response = await lasting.http.get("/graphql", params=QUERY, headers=HTML)

    assert response.json()["data"] == {"me": None}


@pytest_asyncio.fixture(loop_scope="module")
async def bare(lasting: Server, tmp_path: Path) -> AsyncGenerator[Server]:
    """A server whose playground was not built."""
    async with serving(lasting.process.settings, tmp_path / "dist") as server:
        yield server


async def test_without_its_assets_the_page_says_what_to_install(bare: Server):
    page = await bare.http.get("/graphql", headers=HTML)
    asset = await bare.http.get("/playground/app.js")
    answer = await bare.get("{ me { id } }")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Install Node.js 20 or newer with npm, run <code>make setup</code>" in page.text
    assert (asset.status_code, answer) == (404, {"me": None})


async def test_a_playground_built_meanwhile_is_served_without_a_restart(bare: Server, tmp_path: Path):
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").write_text("<p>built</p>")
    (tmp_path / "dist" / "app.js").write_text("1")

    page = await bare.http.get("/graphql", headers=HTML)
    asset = await bare.http.get("/playground/app.js")

    assert (page.text, asset.text) == ("<p>built</p>", "1")


async def test_a_fault_that_nobody_caught_is_masked_and_counted(lasting: Server, caplog: pytest.LogCaptureFixture):
    before = faults.count
    services = lasting.app.state.process
    lasting.app.state.process = None
    try:
        response = await lasting.http.get("/ready", headers={"X-Request-ID": "mine"})
    finally:
        lasting.app.state.process = services

    message = "Something went wrong on our side. Request mine is in the log."
    assert response.status_code == 500
    assert response.json() == {"errors": [{"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
    assert response.headers["x-request-id"] == "mine"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert faults.count == before + 1
    assert (await lasting.http.get("/ready")).json()["faults"] == before + 1


async def test_what_a_proxy_calls_an_address_is_not_remembered_whole():
    def remembered() -> int:
        for number in range(50):
            scope = {"state": {"request_id": "x"}, "client": (f"{number}{'x' * 60_000}", 0)}
            assert origin_of(scope).network is None
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        assert remembered() < 1_000_000
    finally:
        tracemalloc.stop()
