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
from support.sockets import Client, connected, signed_in, watching

from db.users import users

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = (f"user{number}" for number in itertools.count(1))
ME = "{ me { username } }"


@pytest.mark.parametrize("key", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_the_first_message_signs_in(either: Server, key: str):
    admin = await make_admin(either.process.database, next(NAMES))

    async with connected(either) as client:
        await client.sign_in(**{key: f"bearer {either.token(admin)}"})
        answer = await client.run(ME)

    assert answer["data"] == {"me": {"username": admin.username}}
    assert (answer["extensions"]["statements"], answer["extensions"]["cost"]["actual"]) == (1, 1)


async def test_a_header_of_the_handshake_signs_in_as_well(either: Server):
    admin = await make_admin(either.process.database, next(NAMES))

    async with connected(either, additional_headers=either.headers(admin)) as client:
        await client.sign_in()
        answer = await client.run(ME)

    assert answer["data"] == {"me": {"username": admin.username}}


@pytest.mark.parametrize("payload", [None, {}, {"headers": {}}, {"Authorization": ""}, {"Authorization": None}])
async def test_without_a_token_one_is_nobody(either: Server, payload: object):
    async with connected(either) as client:
        await client.send(type="connection_init", **({} if payload is None else {"payload": payload}))
        assert await client.receive() == {"type": "connection_ack"}
        answer = await client.run(ME)

    assert answer["data"] == {"me": None}


@pytest.mark.parametrize("value", ["Bearer nonsense", "nonsense", "Basic YTpi", 5, {"a": 1}, ["Bearer x"]])
async def test_a_bad_token_closes_the_socket(either: Server, value: object):
    async with connected(either) as client:
        await client.send(type="connection_init", payload={"Authorization": value})

        assert await client.closing() == (4403, "Forbidden")


async def test_a_token_of_a_thousand_levels_is_a_bad_one(either: Server, caplog: pytest.LogCaptureFixture):
    nested = "[" * 1_020 + "]" * 1_020
    async with connected(either) as client:
        await client.connection.send(f'{{"type":"connection_init","payload":{{"Authorization":{nested}}}}}')

        assert await client.closing() == (4403, "Forbidden")
    assert complaints(caplog) == []


async def test_a_bad_token_in_the_handshake_closes_the_socket(either: Server, caplog: pytest.LogCaptureFixture):
    async with connected(either, additional_headers={"Authorization": "Bearer nonsense"}) as client:
        assert await client.closing() == (4403, "Forbidden")

    assert complaints(caplog) == []


@pytest.mark.parametrize("protocol", ["graphql-ws", "graphql-sse", "chat"])
async def test_another_protocol_is_refused(either: Server, protocol: str):
    async with connected(either, protocol) as client:
        assert await client.closing() == (4406, "Subprotocol not acceptable")


async def test_subscribing_comes_after_signing_in(either: Server):
    async with connected(either) as client:
        await client.start(ME)

        assert await client.closing() == (4401, "Unauthorized")


GARBAGE = ["", "[" * 100_000, "null", '{"type": "start"}', '{"type": "subscribe", "id": "1"}', b"{}"]


async def test_garbage_closes_its_socket_and_leaves_no_trace_in_the_log(
    either: Server, caplog: pytest.LogCaptureFixture
):
    for frame in GARBAGE:
        async with signed_in(either) as client:
            await client.connection.send(frame)
            code, _ = await client.closing()
            assert code == 4400, frame

    assert complaints(caplog) == []


@pytest.mark.parametrize("more", [{}, {"payload": {"at": 5, "deep": [{"x": None}]}}])
async def test_a_ping_is_answered_at_any_time_with_what_came_with_it(either: Server, more: dict[str, object]):
    async with connected(either) as client:
        await client.send(type="ping", **more)
        before = await client.receive()
        await client.sign_in()
        await client.send(type="ping", **more)

        assert [before, await client.receive()] == [{"type": "pong", **more}] * 2


async def test_talk_that_needs_no_answer_is_passed_over(either: Server):
    async with signed_in(either) as client:
        await client.send(type="pong", payload={"unasked": True})
        await client.send(type="complete", id="unknown")
        await client.send(type="ping", payload=None, id=5, more="of it")

        assert await client.receive() == {"type": "pong"}


async def test_a_second_introduction_closes_the_socket(either: Server):
    async with signed_in(either) as client:
        await client.send(type="connection_init")

        assert await client.closing() == (4429, "Too many initialisation requests")


async def test_an_id_serves_one_operation_at_a_time(either: Server):
    admin = await make_admin(either.process.database, next(NAMES))
    async with watching(either, admin) as client:
        await client.start(ME, "1")

        assert await client.closing() == (4409, "Subscriber for 1 already exists")


async def test_an_id_whose_operation_is_over_serves_the_next_one(either: Server):
    admin = await make_admin(either.process.database, next(NAMES))
    async with watching(either, admin) as client:
        await client.send(type="complete", id="1")
        answers = [await client.run(ME, "1") for _ in range(2)]

        assert either.subscribers == 0
    assert [answer["data"] for answer in answers] == [{"me": {"username": admin.username}}] * 2


async def test_what_a_client_completes_tells_nothing_more(either: Server):
    async with signed_in(either) as client:
        await client.start(ME, "unwanted")
        await client.send(type="complete", id="unwanted")
        await client.start(ME, "wanted")
        told = [await client.receive() for _ in range(2)]

    assert [(each["type"], each["id"]) for each in told] == [("next", "wanted"), ("complete", "wanted")]


async def test_a_message_may_come_in_parts(either: Server):
    async with signed_in(either) as client:
        await client.connection.send(['{"type": ', "", '"ping", "payload"', ': {"a": "', "é", '"}}'])

        assert await client.receive() == {"type": "pong", "payload": {"a": "é"}}


async def test_text_that_is_none_closes_the_socket(either: Server):
    async with signed_in(either) as client:
        await client.connection.send(b'{"type": "ping\xff"}', text=True)
        code, _ = await client.closing()

    assert code == 1007


@pytest.mark.parametrize(
    ("query", "code"),
    [("{", "GRAPHQL_PARSE_FAILED"), ("{ qwerty }", "GRAPHQL_VALIDATION_FAILED"), ("", "BAD_REQUEST")],
)
async def test_a_broken_operation_fails_alone(either: Server, query: str, code: str):
    async with signed_in(either) as client:
        await client.start(query, "broken")
        message = await client.receive()
        after = await client.run(ME, "sound")

    assert (message["type"], message["id"]) == ("error", "broken")
    assert [error["extensions"]["code"] for error in message["payload"]] == [code]
    assert after["data"] == {"me": None}


async def test_an_operation_that_names_what_is_not_there_fails_alone(either: Server):
    async with signed_in(either) as client:
        payload = {"query": "query A { me { id } }", "operationName": "B"}
        await client.send(type="subscribe", id="1", payload=payload)
        message = await client.receive()

    [error] = message["payload"]
    assert (error["extensions"], error["message"]) == ({"code": "BAD_REQUEST"}, 'Unknown operation named "B".')


async def test_a_mutation_runs_over_the_socket(either: Server):
    register = """mutation ($name: String!, $email: String!) {
      userRegister(input: {username: $name, email: $email, password: "password1"}) {
        user { username } userErrors { code }
      }
    }"""

    name = next(NAMES)

    async with signed_in(either) as client:
        first = await client.run(register, name=name, email=f"{name}@example.com")
        second = await client.run(register, name=name.upper(), email=f"{name}.too@example.com")

    assert first["data"]["userRegister"] == {"user": {"username": name}, "userErrors": []}
    assert second["data"]["userRegister"] == {"user": None, "userErrors": [{"code": "USERNAME_TAKEN"}]}


async def test_each_operation_reads_the_rows_anew(either: Server):
    buyer = await make_user(either.process.database, next(NAMES))
    async with signed_in(either, buyer) as client:
        before = await client.run("{ me { email } }", "1")

        await either.process.database.execute(
            update(users).where(users.c.id == buyer.user_id).values(email=f"{buyer.username}@example.org")
        )
        after = await client.run("{ me { email } }", "2")

    assert before["data"] == {"me": {"email": f"{buyer.username}@example.com"}}
    assert after["data"] == {"me": {"email": f"{buyer.username}@example.org"}}


async def test_many_operations_share_a_socket(either: Server):
    async with signed_in(either) as client:
        for number in range(20):
            await client.start(ME, str(number))
        received = [await client.receive() for _ in range(40)]

    assert sorted(message["id"] for message in received if message["type"] == "next") == sorted(map(str, range(20)))
    assert sorted(message["id"] for message in received if message["type"] == "complete") == sorted(map(str, range(20)))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
async def test_a_page_of_a_foreign_origin_is_refused(either: Server, origin: str):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connected(either, origin=websockets.Origin(origin)):
            pass

    assert refused.value.response.status_code == 403


async def test_the_playground_s_own_origin_is_let_in(either: Server):
    async with connected(either, origin=websockets.Origin(either.url)) as client:
        await client.sign_in()


async def test_a_client_library_signs_in_and_runs_operations(either: Server):
    admin = await make_admin(either.process.database, next(NAMES))
    transport = WebsocketsTransport(url=either.socket_url, init_payload=either.headers(admin))

    async with GqlClient(transport=transport, fetch_schema_from_transport=True) as session:
        answers = await asyncio.gather(*(session.execute(gql(ME)) for _ in range(3)))

    assert answers == [{"me": {"username": admin.username}}] * 3


async def test_a_client_that_vanishes_leaves_nothing_behind(either: Server, caplog: pytest.LogCaptureFixture):
    async with signed_in(either) as client:
        await client.start(ME)
        client.connection.transport.abort()

    assert isinstance(client, Client)
    assert complaints(caplog) == []
