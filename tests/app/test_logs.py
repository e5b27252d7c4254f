"""Logs: one JSON object a line; a fault once, with its request id and traceback; never a secret."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from support.server import Server, serving
from support.sockets import connected

from app.choices import LogLevel
from app.settings import Settings

SIGN_UP_AND_IN = """
mutation ($username: String!, $password: String!) {
  userRegister(input: {username: $username, email: "new@example.com", password: $password}) { userErrors { code } }
  tokenCreate(input: {username: $username, password: $password}) { accessToken refreshToken }
}
"""


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged, each line of which must be JSON with the fields that all have."""
    logged = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in logged)
    return logged


def talkative(settings: Settings) -> AbstractAsyncContextManager[Server]:
    """A server that logs all it can; made in the test itself, for it writes where errors go at that moment."""
    return serving(settings.model_copy(update={"log_level": LogLevel.DEBUG}))


async def test_each_request_is_one_line_with_its_id(settings: Settings, capsys: pytest.CaptureFixture[str]):
    async with talkative(settings) as server:
        await server.http.get("/health", headers={"X-Request-ID": "mine"})

    [line] = [line for line in lines(capsys) if line.get("request_id") == "mine"]
    assert (line["event"], line["method"], line["path"], line["status"]) == ("http", "GET", "/health", 200)
    assert line["milliseconds"] > 0


async def test_a_fault_is_logged_once_with_traceback_and_told_without(
    settings: Settings, capsys: pytest.CaptureFixture[str]
):
    async with talkative(settings) as server:
        await server.process.database.execute(text("ALTER TABLE products RENAME TO lost"))
        query = {"query": "{ products(first: 1) { totalCount } }"}
        response = await server.http.post("/graphql", json=query, headers={"X-Request-ID": "mine"})

    assert response.status_code == 200
    assert response.json()["errors"] == [
        {
            "message": "Something went wrong on our side. Request mine is in the log.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["products"],
            "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "mine"},
        }
    ]
    [fault] = [line for line in lines(capsys) if "exception" in line]
    assert (fault["event"], fault["level"], fault["request_id"]) == ("fault", "error", "mine")
    assert fault["exception"].startswith("Traceback")
    assert 'relation "products" does not exist' in fault["exception"]


async def test_mistakes_of_clients_are_not_logged_as_faults(settings: Settings, capsys: pytest.CaptureFixture[str]):
    bodies = (b"", b"[]", b'{"query": "{"}', b'{"query": "{ qwerty }"}', b'{"query": "{ node(id: 5) { id } }"}')
    async with talkative(settings) as server:
        for body in bodies:
            await server.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})

    assert [line for line in lines(capsys) if line["level"] in {"warning", "error", "critical"}] == []


async def test_no_secret_reaches_the_log(settings: Settings, capsys: pytest.CaptureFixture[str]):
    password = "a-very-secret-password"

    async with talkative(settings) as server:
        made = (await server.get(SIGN_UP_AND_IN, username="buyer", password=password))["tokenCreate"]
        bearer = {"Authorization": f"Bearer {made['accessToken']}"}
        for headers in (bearer, {"Authorization": "Bearer forged-token"}):
            await server.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
        async with connected(server) as client:
            await client.sign_in(**bearer)
            await client.run("{ me { id } }")
        await server.post(SIGN_UP_AND_IN, username="x", password=password)

    # What the test's own HTTP client says at this level does not count.
    logged = [
        line for line in lines(capsys) if not line["logger"].startswith(("httpx", "httpcore", "websockets.client"))
    ]
    told = orjson.dumps(logged).decode()
    assert len(logged) > 5
    assert [
        secret
        for secret in (password, made["accessToken"], made["refreshToken"], "forged-token", "$argon2")
        if secret in told
    ] == []
