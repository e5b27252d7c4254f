"""Order-status changes, live: over WebSocket and server-sent events, to whom, from where, and until when."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from factories.goods import make_variant
from factories.people import make_admin, make_user
from gql import Client as GqlClient
from gql import gql
from gql.transport.websockets import WebsocketsTransport
from support.server import Server, complaints
from support.sockets import WATCH, signed_in, watching
from support.waiting import PATIENCE, until

from domain.actor import Actor, Scope

PLACE = """
mutation ($sku: String!) {
  orderPlace(input: {lines: [{sku: $sku, quantity: 1}]}) { order { id number } userErrors { code } }
}
"""
APPROVE = "mutation ($id: ID!) { orderApprove(input: {id: $id}) { order { status } userErrors { code } } }"


async def place(server: Server, buyer: Actor) -> dict[str, Any]:
    """An order for one mug, placed over HTTP."""
    return (await server.get(PLACE, buyer, sku="MUG"))["orderPlace"]["order"]


async def approve(server: Server, admin: Actor, order: dict[str, Any]) -> None:
    answer = await server.get(APPROVE, admin, id=order["id"])
    assert answer == {"orderApprove": {"order": {"status": "APPROVED"}, "userErrors": []}}


@pytest.fixture
async def admin(server: Server) -> Actor:
    """An admin of a shop that has mugs to sell."""
    await make_variant(server.process.database, "MUG", LON=100)
    return await make_admin(server.process.database)


def change(event: dict[str, Any]) -> tuple[str | None, str, str, str]:
    """From, to, by whom, and which order."""
    told = event["orderStatusChanged"]
    return told["from"], told["to"], told["actor"]["username"], told["order"]["number"]


async def test_an_approval_over_http_reaches_a_socket_at_once(server: Server, admin: Actor):
    order = await place(server, admin)
    async with watching(server, admin) as watcher:
        await approve(server, admin, order)
        event = await watcher.next()

    assert change(event) == ("PENDING", "APPROVED", "boss", order["number"])


async def test_a_client_library_is_told_of_the_placing_and_the_approval(server: Server, admin: Actor):
    transport = WebsocketsTransport(url=server.socket_url, init_payload=server.headers(admin))
    async with GqlClient(transport=transport) as session:
        stream = session.subscribe(gql(WATCH))
        placed = asyncio.create_task(anext(stream))
        await until(lambda: server.subscribers)
        order = await place(server, admin)
        first = await placed
        await approve(server, admin, order)
        second = await anext(stream)
        await stream.aclose()

    assert change(first) == (None, "PENDING", "boss", order["number"])
    assert change(second) == ("PENDING", "APPROVED", "boss", order["number"])


async def test_the_filter_lets_only_the_wanted_changes_through(server: Server, admin: Actor):
    async with watching(server, admin, status=["APPROVED"]) as watcher:
        await place(server, admin)
        await approve(server, admin, await place(server, admin))

        assert (await watcher.next())["orderStatusChanged"]["to"] == "APPROVED"


async def test_subscribing_after_a_cursor_tells_first_what_was_missed(server: Server, admin: Actor):
    async with watching(server, admin) as watcher:
        await place(server, admin)
        cursor = (await watcher.next())["orderStatusChanged"]["cursor"]
    missed = [await place(server, admin) for _ in range(3)]

    async with watching(server, admin, after=cursor) as watcher:
        told = [change(await watcher.next()) for _ in range(3)]
        await approve(server, admin, missed[0])
        live = change(await watcher.next())

    assert told == [(None, "PENDING", "boss", order["number"]) for order in missed]
    assert live == ("PENDING", "APPROVED", "boss", missed[0]["number"])


async def test_two_watchers_are_told_the_same(server: Server, admin: Actor):
    async with watching(server, admin) as first, watching(server, admin) as second:
        await place(server, admin)

        assert await first.next() == await second.next()


@pytest.mark.parametrize(("scopes", "code"), [(None, "UNAUTHENTICATED"), ((), "FORBIDDEN")])
async def test_strangers_and_customers_are_refused(server: Server, scopes: tuple[Scope, ...] | None, code: str):
    viewer = None if scopes is None else await make_user(server.process.database, "buyer", *scopes)

    async with signed_in(server, viewer) as client:
        await client.start(WATCH)
        message = await client.receive()
        ended = await client.receive()

    assert [error["extensions"]["code"] for error in message["payload"]["errors"]] == [code]
    assert ended == {"type": "complete", "id": "1"}
    assert server.subscribers == 0


async def test_a_wrong_cursor_is_refused(server: Server, admin: Actor):
    async with signed_in(server, admin) as client:
        await client.start(WATCH, after="nonsense")
        message = await client.receive()

    [error] = message["payload"]["errors"]
    assert error["extensions"] == {"code": "INVALID_CURSOR", "field": ["after"]}


async def test_completing_ends_the_stream_and_the_hub_forgets_it(server: Server, admin: Actor):
    async with watching(server, admin) as watcher:
        await watcher.send(type="complete", id="1")
        await until(lambda: server.subscribers == 0)
        await place(server, admin)
        after = await watcher.run("{ me { username } }", "2")

    assert after["data"] == {"me": {"username": "boss"}}


async def test_a_watcher_that_vanishes_is_forgotten(server: Server, admin: Actor, caplog: pytest.LogCaptureFixture):
    async with watching(server, admin) as watcher:
        watcher.connection.transport.abort()

        await until(lambda: server.subscribers == 0)

    await place(server, admin)
    assert complaints(caplog) == []


async def test_the_end_of_the_token_ends_the_stream_with_a_cursor(server: Server, admin: Actor):
    server.process.services.issuer.lifetime = 2
    async with watching(server, admin) as watcher:
        ended, complete = await watcher.receive(), await watcher.receive()

    [error] = ended["payload"]["errors"]
    assert error["extensions"].keys() == {"code", "cursor"}
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert complete == {"type": "complete", "id": "1"}
    assert server.subscribers == 0


class Events:
    """A stream of server-sent events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        """The next event and its data, past the heartbeats."""
        async with asyncio.timeout(PATIENCE):
            lines = [line async for line in self._until_blank()]
        fields = dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in lines)
        return fields["event"], orjson.loads(fields["data"]) if fields["data"].strip() else None

    async def _until_blank(self):
        started = False
        async for line in self._lines:
            if line and not line.startswith(":"):
                started = True
                yield line
            elif started:
                return


def listening(server: Server, actor: Actor | None, query: str = WATCH, **variables: Any):
    """A request for server-sent events."""
    headers = {"Accept": "text/event-stream", **server.headers(actor)}
    body = {"query": query, "variables": variables}
    return server.http.stream("POST", "/graphql", json=body, headers=headers, timeout=PATIENCE)


async def test_an_approval_arrives_as_a_server_sent_event(server: Server, admin: Actor):
    order = await place(server, admin)
    async with listening(server, admin) as response:
        events = Events(response)
        await until(lambda: server.subscribers)
        await approve(server, admin, order)
        name, payload = await events.next()

    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert (name, change(payload["data"])) == ("next", ("PENDING", "APPROVED", "boss", order["number"]))


async def test_a_query_is_answered_as_one_event(server: Server, admin: Actor):
    async with listening(server, admin, "{ me { username } }") as response:
        events = Events(response)
        answer, end = await events.next(), await events.next()

    name, payload = answer
    assert (name, payload["data"], payload["extensions"]["statements"]) == ("next", {"me": {"username": "boss"}}, 1)
    assert end == ("complete", None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ qwerty }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { id } } query B { me { id } }", "GRAPHQL_VALIDATION_FAILED"),
        (WATCH, "UNAUTHENTICATED"),
    ],
)
async def test_an_error_is_an_event_with_a_code(server: Server, query: str, code: str):
    async with listening(server, None, query) as response:
        events = Events(response)
        (name, payload), end = await events.next(), await events.next()

    assert (name, [error["extensions"]["code"] for error in payload["errors"]]) == ("next", [code])
    assert end == ("complete", None)


async def test_a_listener_that_goes_away_is_forgotten(server: Server, admin: Actor, caplog: pytest.LogCaptureFixture):
    async with listening(server, admin):
        await until(lambda: server.subscribers == 1)

    await until(lambda: server.subscribers == 0)
    await place(server, admin)
    assert complaints(caplog) == []


async def test_a_bad_token_is_refused_before_the_stream_begins(server: Server):
    headers = {"Accept": "text/event-stream", "Authorization": "Bearer nonsense"}

    response = await server.http.post("/graphql", json={"query": WATCH}, headers=headers)

    assert (response.status_code, response.headers["content-type"]) == (401, "application/json; charset=utf-8")
