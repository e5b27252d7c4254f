"""The shortcut of plain requests: nobody can tell from an answer which way it came."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import orjson
import pytest
from factories.people import make_admin
from support.server import Server

from app.graphql.shortcut import Shortcut

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = orjson.dumps({"query": "{ me { username } }"})
JSON = {"Content-Type": "application/json", "X-Request-ID": "one"}
GRAPHQL = "application/graphql-response+json"

REQUESTS: dict[str, tuple[bytes, dict[str, str]]] = {
    "a query": (ME, {}),
    "its own type": (ME, {"Accept": GRAPHQL}),
    "a refusal": (b'{"query": "{ nothing }"}', {"Accept": GRAPHQL}),
    "a refusal, told as JSON": (b'{"query": "{ nothing }"}', {}),
    "no token": (ME, {"Authorization": "Bearer nothing"}),
    "no JSON": (b"{", {}),
    "nothing": (b"", {}),
    "a form": (ME, {"Content-Type": "text/plain"}),
    "packed": (ME, {"Content-Encoding": "gzip"}),
    "not acceptable": (ME, {"Accept": "text/plain"}),
    "events": (ME, {"Accept": "text/event-stream"}),
    "a list": (b"[]", {}),
    "many": (orjson.dumps({"query": "{ orders(first: 9999) { totalCount } }"}), {}),
    "unnamed": (orjson.dumps({"query": "{ me { id } }", "operationName": "B"}), {}),
    "unknown document": (orjson.dumps({"documentId": "nothing"}), {}),
}


async def ask(server: Server, name: str, *, is_plain: bool, **more: str) -> tuple[Any, ...]:
    """Status, headers and body; of a stream its end is the end of the answer."""
    body, headers = REQUESTS[name]

    async def parts() -> AsyncGenerator[bytes]:
        yield body

    given = {**JSON, **headers, **more}
    response = await server.http.post("/graphql", content=body if is_plain else parts(), headers=given)
    kept = [(key, value) for key, value in response.headers.multi_items() if key not in {"date", "content-length"}]
    return response.status_code, sorted(kept), told(response)


def told(response: httpx.Response) -> Any:
    """The body, without how much of a budget is left."""
    if not response.headers["content-type"].startswith("application"):
        return response.text.partition('"extensions"')[0]
    body = response.json()
    body.get("extensions", {}).pop("cost", None)
    return body


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each request, whether it took the shortcut."""
    taken: list[bool] = []
    is_plain = Shortcut._is_plain

    def noted(self: Shortcut, scope: Any) -> bool:
        taken.append(is_plain(self, scope))
        return taken[-1]

    monkeypatch.setattr(Shortcut, "_is_plain", noted)
    return taken


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_answer_is_the_same_on_both_ways(lasting: Server, taken: list[bool], name: str):
    plain = await ask(lasting, name, is_plain=True)
    chunked = await ask(lasting, name, is_plain=False)

    assert plain == chunked
    assert taken == [True, False]


@pytest.mark.parametrize(("most", "is_plain"), [(len(ME), True), (len(ME) - 1, False)])
async def test_what_is_too_large_takes_the_long_way_where_it_is_refused(lasting: Server, most: int, is_plain: bool):
    headers = [(b"content-length", str(len(ME)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers}

    assert Shortcut(lasting.app, lasting.app, most)._is_plain(scope) is is_plain


async def test_pages_of_other_origins_take_the_long_way_where_cors_has_a_say(lasting: Server, taken: list[bool]):
    _, headers, _ = await ask(lasting, "a query", is_plain=True, Origin="https://elsewhere.example")

    assert taken == [False]
    assert "access-control-allow-origin" not in dict(headers)


async def test_the_log_has_the_same_line_for_both(lasting: Server, caplog: pytest.LogCaptureFixture):
    admin = await make_admin(lasting.process.database)

    for is_plain in (True, False):
        await ask(lasting, "a query", is_plain=is_plain, **lasting.headers(admin))

    lines = [record.msg for record in caplog.records if record.name == "orderwire.http"]
    told = [{name: line[name] for name in ("event", "method", "path", "status", "request_id")} for line in lines]
    assert (
        told[0]
        == told[1]
        == {"event": "http", "method": "POST", "path": "/graphql", "status": 200, "request_id": "one"}
    )
