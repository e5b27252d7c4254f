"""Server-sent events: as graphql-sse says, with its own client, frame by frame, and their bounds."""

import asyncio
import re
from contextlib import AsyncExitStack

import httpx
import orjson
import pytest
from factories.goods import make_variant
from factories.people import make_admin, make_user
from support.listener import listener
from support.node import needs_node, program
from support.server import Server, complaints, serving
from support.waiting import until

from app.settings import Settings

PLACE = 'mutation { orderPlace(input: {lines: [{sku: "MUG", quantity: 1}]}) { order { number } userErrors { code } } }'
WATCH = "subscription { orderStatusChanged { to } }"
STREAM = {"Accept": "text/event-stream"}
PENDING = {"data": {"orderStatusChanged": {"to": "PENDING"}}}


CARRIERS = pytest.mark.parametrize("is_foreign", [False, True], ids=["own", "foreign"])
"""With a line of our own, and by ASGI alone."""


@needs_node
async def test_the_client_that_others_wrote_is_told_everything_and_comes_back_after_a_restart(settings: Settings):
    quiet = settings.model_copy(update={"expose_statements": False})
    async with AsyncExitStack() as stack:
        async with serving(quiet) as server:
            await make_variant(server.process.database, "MUG", LON=100)
            admin = await make_admin(server.process.database)
            client = await stack.enter_async_context(program("sse.cjs", f"{server.url}/graphql", server.token(admin)))
            assert await client.told() == "connected"
            assert (await client.told())["data"] == {"me": {"username": "boss"}}
            assert [await client.told() for _ in range(2)] == ["complete", "connected"]
            [error] = (await client.told())["errors"]
            assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
            assert [await client.told() for _ in range(2)] == ["complete", "connected"]
            await until(lambda: server.subscribers == 1)
            await server.get(PLACE, admin)
            assert await client.told() == PENDING

        async with serving(quiet, port=server.port) as server:
            assert await client.told() == "connected"
            await until(lambda: server.subscribers == 1)
            await server.get(PLACE, admin)
            assert await client.told() == PENDING
            client.process.kill()
            await until(lambda: server.subscribers == 0)


async def told(server: Server, method: str = "POST", **given: object) -> httpx.Response:
    """The whole of a stream that ends by itself."""
    response = await server.http.request(method, "/graphql", headers=STREAM, **given)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    return response


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_one_event_and_complete(lasting: Server, method: str):
    query = {"query": "{ me { id } }"}

    response = await told(lasting, method, **({"params": query} if method == "GET" else {"json": query}))

    told_by_one = re.fullmatch(r"event: next\ndata: (\{.*\})\n\nevent: complete\ndata:\n\n", response.text)
    assert told_by_one is not None, response.text
    result = orjson.loads(told_by_one[1])
    assert (result["data"], result["extensions"]["statements"]) == ({"me": None}, 0)
    assert result["extensions"]["cost"]["actual"] == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "subscription { qwerty }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription A { stockLow { cursor } }", "operationName": "B"}, "BAD_REQUEST"),
        ({"query": WATCH}, "UNAUTHENTICATED"),
        ({"documentId": "nothing"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
    ],
)
async def test_what_cannot_run_is_told_in_the_stream(lasting: Server, given: dict[str, str], code: str):
    response = await told(lasting, json=given)

    assert response.text.startswith("event: next\ndata: ")
    assert f'"code":"{code}"' in response.text
    assert response.text.endswith("\n\nevent: complete\ndata:\n\n")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_mutation_by_get_changes_nothing_over_a_stream_either(lasting: Server):
    response = await told(
        lasting, "GET", params={"query": 'mutation { tokenRefresh(input: {refreshToken: "x"}) { __typename } }'}
    )

    assert '"code":"BAD_REQUEST"' in response.text
    assert "__typename" not in response.text


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_no_request_is_refused_before_a_stream_begins(lasting: Server):
    response = await lasting.http.post("/graphql", content=b"{", headers={**STREAM, "Content-Type": "application/json"})

    assert (response.status_code, response.headers["content-type"]) == (400, "application/json; charset=utf-8")


@CARRIERS
async def test_who_hears_nothing_else_hears_a_heartbeat(settings: Settings, is_foreign: bool):
    hasty = settings.model_copy(update={"live_heartbeat_seconds": 0.05})
    async with serving(hasty, is_foreign=is_foreign) as server:
        admin = await make_admin(server.process.database)
        request = {"json": {"query": WATCH}, "headers": {**STREAM, **server.headers(admin)}}
        async with server.http.stream("POST", "/graphql", **request) as response:
            chunks = response.aiter_text()
            assert [await anext(chunks) for _ in range(2)] == [":\n\n", ":\n\n"]


@CARRIERS
async def test_what_is_new_is_told_in_order_to_all_who_listen(
    settings: Settings, is_foreign: bool, caplog: pytest.LogCaptureFixture
):
    quiet = settings.model_copy(update={"expose_statements": False})
    async with serving(quiet, is_foreign=is_foreign) as server:
        await make_variant(server.process.database, "MUG", LON=100)
        admin = await make_admin(server.process.database)
        watch = "subscription { orderStatusChanged { order { number } } }"
        request = {"json": {"query": watch}, "headers": {**STREAM, **server.headers(admin)}}
        async with AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(server.http.stream("POST", "/graphql", **request)) for _ in range(3)
            ]
            await until(lambda: server.subscribers == 3)
            placed = [(await server.get(PLACE, admin))["orderPlace"]["order"]["number"] for _ in range(5)]
            heard = [await first_lines(stream, 5) for stream in streams]
        await until(lambda: server.subscribers == 0)

    expected = [f'data: {{"data":{{"orderStatusChanged":{{"order":{{"number":"{number}"}}}}}}}}' for number in placed]
    assert heard == [expected] * 3
    assert complaints(caplog) == []


async def first_lines(stream: httpx.Response, count: int) -> list[str]:
    """The data of the first events of a stream."""
    told: list[str] = []
    async for line in stream.aiter_lines():
        told += [line] if line.startswith("data: ") else []
        if len(told) == count:
            break
    return told


async def test_who_listens_costs_the_task_of_the_request_and_no_other(server: Server):
    admin = await make_admin(server.process.database)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(listener(server, admin, WATCH))
        await until(lambda: server.subscribers == 1)
        before = len(asyncio.all_tasks())
        for _ in range(3):
            await stack.enter_async_context(listener(server, admin, WATCH))
        await until(lambda: server.subscribers == 4)
        await until(lambda: len(asyncio.all_tasks()) == before + 3)


async def test_who_left_before_the_stream_began_is_not_told_anything(server: Server):
    admin = await make_admin(server.process.database)
    for _ in range(20):
        async with listener(server, admin, WATCH) as client:
            client.vanish()

    await until(lambda: server.subscribers == 0 and len(server.connections) == 0)


async def test_one_caller_has_a_bounded_number_of_streams(settings: Settings, caplog: pytest.LogCaptureFixture):
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(settings.model_copy(update={"max_streams": 2})))
        await make_variant(server.process.database, "MUG", LON=100)
        admin, other = await make_admin(server.process.database), await make_user(server.process.database)
        request = {"json": {"query": WATCH}, "headers": {**STREAM, **server.headers(admin)}}
        first = AsyncExitStack()
        await first.enter_async_context(server.http.stream("POST", "/graphql", **request))
        await stack.enter_async_context(server.http.stream("POST", "/graphql", **request))
        await until(lambda: server.subscribers == 2)

        third = await server.http.post("/graphql", **request)
        others = await server.http.post(
            "/graphql", json={"query": "{ me { id } }"}, headers={**STREAM, **server.headers(other)}
        )
        plain = await server.http.post("/graphql", json={"query": "{ me { id } }"}, headers=server.headers(admin))
        await first.aclose()
        await until(lambda: server.subscribers == 1)
        again = await server.http.post("/graphql", json={"query": "{ me { id } }"}, headers=request["headers"])

    message = "You have 2 streams open. Close one, or use one WebSocket for many subscriptions."
    assert third.status_code == 429
    assert third.json() == {"errors": [{"message": message, "extensions": {"code": "TOO_MANY_STREAMS"}}]}
    assert [each.status_code for each in (others, plain, again)] == [200, 200, 200]
    assert complaints(caplog) == []
