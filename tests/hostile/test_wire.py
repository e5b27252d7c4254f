"""The corpus over every way in, HTTP with both media types, server-sent events and WebSocket, on both executors."""

import re
from typing import Any

import orjson
import pytest
from hostile.corpus import CORPUS, Hostile
from hostile.requests import MOST
from support.server import Server
from support.sockets import connected

from app.graphql.answer import STATUSES

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADERS = {"Content-Type": "application/json"}
EACH = pytest.mark.parametrize("hostile", CORPUS, ids=lambda hostile: hostile.name)


def outside(hostile: Hostile) -> int | None:
    """The status of what is refused before it is looked at as GraphQL."""
    if len(hostile.sent) > MOST:
        return 413
    return None if hostile.is_json else 400


@EACH
async def test_over_http(lasting: Server, hostile: Hostile):
    for media_type in ("application/json", "application/graphql-response+json"):
        headers = {**HEADERS, "Accept": media_type}
        response = await lasting.http.post("/graphql", content=hostile.sent, headers=headers)

        status = 200 if media_type == "application/json" else STATUSES.get(hostile.code, 400)
        assert response.status_code == (outside(hostile) or status)
        # Before the request is looked at, nobody knows what it accepts.
        told = "application/json" if outside(hostile) == 413 else media_type
        assert response.headers["content-type"] == f"{told}; charset=utf-8"
        assert_refused(response.json(), "BAD_REQUEST" if outside(hostile) else hostile.code)


@EACH
async def test_over_server_sent_events(lasting: Server, hostile: Hostile):
    headers = {**HEADERS, "Accept": "text/event-stream"}
    response = await lasting.http.post("/graphql", content=hostile.sent, headers=headers)

    if outside(hostile):
        assert response.status_code == outside(hostile)
        assert_refused(response.json(), "BAD_REQUEST")
    else:
        assert response.status_code == 200
        events = re.fullmatch(r"event: next\ndata: (.*)\n\nevent: complete\ndata:\n\n", response.text)
        assert events is not None, response.text
        assert_refused(orjson.loads(events[1]), hostile.code)


@EACH
async def test_over_a_socket(lasting: Server, hostile: Hostile):
    async with connected(lasting) as client:
        await client.sign_in()
        message = b'{"id":"1","type":"subscribe","payload":%b}' % hostile.sent
        await client.connection.send(message.decode())

        if len(message) > MOST:
            assert (await client.closing())[0] == 1009
        elif not hostile.is_json:
            assert (await client.closing())[0] == 4400
        else:
            answer = await client.receive()
            assert (answer["type"], answer["id"]) in {("error", "1"), ("next", "1")}
            errors = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
            assert_refused({"errors": errors}, hostile.code)


async def test_nothing_is_left_of_them(lasting: Server):
    services = lasting.process.services

    assert (len(services.streams), len(services.turns)) == (0, 0)
    assert await lasting.get("{ me { id } }") == {"me": None}


def assert_refused(body: Any, code: str) -> None:
    assert body.get("data") is None
    assert body["errors"][0]["extensions"]["code"] == code
    assert len(orjson.dumps(body)) < 8_000
