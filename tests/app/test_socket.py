"""GraphQL over WebSocket, frame by frame: signing in, running operations, and how a socket is closed."""

import asyncio
import itertools

import pytest
import websockets
from factories.people import make_admin, make_user
from gql import Client as GqlClient
from gql import gql
from gql.transport.websockets import WebsocketsTransport
from sqlalchemy import update
from support.server import Server, complaints
from support.sockets import Client, connected, signed_in

from db.users import users

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = (f"user{number}" for number in itertools.count(1))
ME = "{ me { username } }"


@pytest.mark.parametrize("key", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_the_first_message_signs_in(lasting: Server, key: str):
    admin = await make_admin(lasting.process.database, next(NAMES))

    async with connected(lasting) as client:
        await client.sign_in(**{key: f"bearer {lasting.token(admin)}"})
        answer = await client.run(ME)

    assert answer["data"] == {"me": {"username": admin.username}}
    assert (answer["extensions"]["statements"], answer["extensions"]["cost"]["actual"]) == (1, 1)


async def test_a_header_of_the_handshake_signs_in_as_well(lasting: Server):
    admin = await make_admin(lasting.process.database, next(NAMES))

    async with connected(lasting, additional_headers=lasting.headers(admin)) as client:
        await client.sign_in()
        answer = await client.run(ME)

    assert answer["data"] == {"me": {"username": admin.username}}


@pytest.mark.parametrize("payload", [None, {}, {"headers": {}}, {"Authorization": ""}, {"Authorization": None}])
async def test_without_a_token_one_is_nobody(lasting: Server, payload: object):
    async with connected(lasting) as client:
        await client.send(type="connection_init", **({} if payload is None else {"payload": payload}))
        assert await client.receive() == {"type": "connection_ack"}
        answer = await client.run(ME)

    assert answer["data"] == {"me": None}


@pytest.mark.parametrize("value", ["Bearer nonsense", "nonsense", "Basic YTpi", 5, {"a": 1}, ["Bearer x"]])
async def test_a_bad_token_closes_the_socket(lasting: Server, value: object):
    async with connected(lasting) as client:
        await client.send(type="connection_init", payload={"Authorization": value})

        assert await client.closing() == (4403, "Forbidden")


async def test_a_bad_token_in_the_handshake_closes_the_socket(lasting: Server, caplog: pytest.LogCaptureFixture):
    async with connected(lasting, additional_headers={"Authorization": "Bearer nonsense"}) as client:
        assert await client.closing() == (4403, "Forbidden")

    assert complaints(caplog) == []


@pytest.mark.parametrize("protocol", ["graphql-ws", "graphql-sse", "chat"])
async def test_another_protocol_is_refused(lasting: Server, protocol: str):
    async with connected(lasting, protocol) as client:
        assert await client.closing() == (4406, "Subprotocol not acceptable")


async def test_subscribing_comes_after_signing_in(lasting: Server):
    async with connected(lasting) as client:
        await client.start(ME)

        assert await client.closing() == (4401, "Unauthorized")


async def test_who_says_nothing_is_let_go(lasting: Server):
    endpoint = next(route.app for route in lasting.app.routes if route.name == "socket")
    endpoint.connection_init_wait_timeout /= 100
    try:
        async with connected(lasting) as client:
            closed = await client.closing()
    finally:
        endpoint.connection_init_wait_timeout *= 100

    assert closed == (4408, "Connection initialisation timeout")


GARBAGE = [
    "x",
    "",
    "[" * 100_000,
    "5",
    "null",
    "[]",
    '"subscribe"',
    "{}",
    '{"type": 5}',
    '{"type": {"a": 1}}',
    '{"type": "start"}',
    '{"type": "connection_init", "payload": 5}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ me { id } }"}}',
    '{"type": "subscribe", "id": "1", "payload": 5}',
    '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { id } }", "variables": [1]}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { id } }", "operationName": 5}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": {}}',
    b"\x00\xff",
]


async def test_garbage_closes_its_socket_and_leaves_no_trace_in_the_log(
    lasting: Server, caplog: pytest.LogCaptureFixture
):
    for frame in GARBAGE:
        async with signed_in(lasting) as client:
            await client.connection.send(frame)
            code, _ = await client.closing()
            assert code == 4400, frame

    assert complaints(caplog) == []


async def test_a_ping_is_answered_and_other_talk_is_passed_over(lasting: Server):
    async with signed_in(lasting) as client:
        await client.send(type="pong")
        await client.send(type="complete", id="unknown")
        await client.send(type="ping")

        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    ("query", "code"),
    [("{", "GRAPHQL_PARSE_FAILED"), ("{ qwerty }", "GRAPHQL_VALIDATION_FAILED"), ("", "BAD_REQUEST")],
)
async def test_a_broken_operation_fails_alone(lasting: Server, query: str, code: str):
    async with signed_in(lasting) as client:
        await client.start(query, "broken")
        message = await client.receive()
        after = await client.run(ME, "sound")

    assert (message["type"], message["id"]) == ("error", "broken")
    assert [error["extensions"]["code"] for error in message["payload"]] == [code]
    assert after["data"] == {"me": None}


async def test_an_operation_that_names_what_is_not_there_fails_alone(lasting: Server):
    async with signed_in(lasting) as client:
        payload = {"query": "query A { me { id } }", "operationName": "B"}
        await client.send(type="subscribe", id="1", payload=payload)
        message = await client.receive()

    [error] = message["payload"]
    assert (error["extensions"], error["message"]) == ({"code": "BAD_REQUEST"}, 'Unknown operation named "B".')


async def test_a_mutation_runs_over_the_socket(lasting: Server):
    register = """mutation ($name: String!, $email: String!) {
      userRegister(input: {username: $name, email: $email, password: "password1"}) {
        user { username } userErrors { code }
      }
    }"""

    async with signed_in(lasting) as client:
        first = await client.run(register, name="newcomer", email="a@example.com")
        second = await client.run(register, name="NEWCOMER", email="b@example.com")

    assert first["data"]["userRegister"] == {"user": {"username": "newcomer"}, "userErrors": []}
    assert second["data"]["userRegister"] == {"user": None, "userErrors": [{"code": "USERNAME_TAKEN"}]}


async def test_each_operation_reads_the_rows_anew(lasting: Server):
    buyer = await make_user(lasting.process.database, next(NAMES))
    async with signed_in(lasting, buyer) as client:
        before = await client.run("{ me { email } }", "1")

        await lasting.process.database.execute(
            update(users).where(users.c.id == buyer.user_id).values(email="m@example.com")
        )
        after = await client.run("{ me { email } }", "2")

    assert before["data"] == {"me": {"email": f"{buyer.username}@example.com"}}
    assert after["data"] == {"me": {"email": "m@example.com"}}


async def test_many_operations_share_a_socket(lasting: Server):
    async with signed_in(lasting) as client:
        for number in range(20):
            await client.start(ME, str(number))
        received = [await client.receive() for _ in range(40)]

    assert sorted(message["id"] for message in received if message["type"] == "next") == sorted(map(str, range(20)))
    assert sorted(message["id"] for message in received if message["type"] == "complete") == sorted(map(str, range(20)))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
async def test_a_page_of_a_foreign_origin_is_refused(lasting: Server, origin: str):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connected(lasting, origin=websockets.Origin(origin)):
            pass

    assert refused.value.response.status_code == 403


async def test_the_playground_s_own_origin_is_let_in(lasting: Server):
    async with connected(lasting, origin=websockets.Origin(lasting.url)) as client:
        await client.sign_in()


async def test_a_client_library_signs_in_and_runs_operations(lasting: Server):
    admin = await make_admin(lasting.process.database, next(NAMES))
    transport = WebsocketsTransport(url=lasting.socket_url, init_payload=lasting.headers(admin))

    async with GqlClient(transport=transport, fetch_schema_from_transport=True) as session:
        answers = await asyncio.gather(*(session.execute(gql(ME)) for _ in range(3)))

    assert answers == [{"me": {"username": admin.username}}] * 3


async def test_a_client_that_vanishes_leaves_nothing_behind(lasting: Server, caplog: pytest.LogCaptureFixture):
    async with signed_in(lasting) as client:
        await client.start(ME)
        client.connection.transport.abort()

    assert isinstance(client, Client)
    assert complaints(caplog) == []
