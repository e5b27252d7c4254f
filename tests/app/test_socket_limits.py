"""How much a client may do over WebSockets, and how many it may have."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from factories.people import make_admin
from support.server import Server, serving
from support.sockets import WATCH, Client, connected, signed_in, watching
from support.waiting import until

from app.settings import Settings

ME = "{ me { username } }"
CARRIERS = pytest.mark.parametrize("is_foreign", [False, True], ids=["own", "foreign"])


@asynccontextmanager
async def bounded(settings: Settings, *, is_foreign: bool = False, **bounds: Any) -> AsyncGenerator[Server]:
    async with serving(settings.model_copy(update=bounds), is_foreign=is_foreign) as server:
        yield server


@CARRIERS
async def test_who_does_not_introduce_itself_is_let_go(settings: Settings, is_foreign: bool):
    async with (
        bounded(settings, is_foreign=is_foreign, socket_init_seconds=0.5) as server,
        connected(server) as client,
    ):
        await client.send(type="ping")

        assert await client.closing() == (4408, "Connection initialisation timeout")


async def test_one_operation_too_many_fails_alone(settings: Settings):
    async with bounded(settings, socket_operations=2) as server:
        admin = await make_admin(server.process.database)
        async with signed_in(server, admin) as client:
            await client.start(WATCH, "1")
            await client.start(WATCH, "2")
            await client.start(ME, "3")
            refused = await client.receive()
            await client.send(type="complete", id="1")
            after = await client.run(ME, "3")

    assert refused == {
        "type": "error",
        "id": "3",
        "payload": [
            {
                "message": "At most 2 operations may run on a socket at once.",
                "extensions": {"code": "TOO_MANY_OPERATIONS", "limit": 2},
            }
        ],
    }
    assert after["data"] == {"me": {"username": "boss"}}


@CARRIERS
async def test_a_socket_with_nothing_to_do_is_closed_without_reproach(settings: Settings, is_foreign: bool):
    async with bounded(settings, is_foreign=is_foreign, socket_idle_seconds=0.5) as server, connected(server) as client:
        await client.sign_in()
        await client.run(ME)

        assert await client.closing() == (1000, "Idle")


async def test_a_socket_with_a_subscription_is_not_idle(settings: Settings):
    async with bounded(settings, socket_idle_seconds=0.5) as server:
        admin = await make_admin(server.process.database)
        async with watching(server, admin) as client, signed_in(server) as other:
            assert await other.closing() == (1000, "Idle")
            answer = await client.run(ME, "2")
            await client.send(type="complete", id="1")

            assert await client.closing() == (1000, "Idle")
    assert answer["data"] == {"me": {"username": "boss"}}


@CARRIERS
async def test_a_caller_may_have_so_many_sockets(settings: Settings, is_foreign: bool):
    async with bounded(settings, is_foreign=is_foreign, sockets_per_caller=2) as server, AsyncExitStack() as stack:
        admin = await make_admin(server.process.database)
        other = await make_admin(server.process.database, "other")
        for _ in range(2):
            await stack.enter_async_context(signed_in(server, admin))
        third = await stack.enter_async_context(connected(server))
        await third.send(type="connection_init", payload=server.headers(admin))
        assert await third.closing() == (1013, "Too many sockets")

        # Others, from the same address, have their own.
        for actor in (other, other, None, None):
            last = await stack.enter_async_context(signed_in(server, actor))
        stranger = await stack.enter_async_context(connected(server))
        assert await stranger.closing() == (1013, "Too many sockets")

        await last.connection.close()
        await until(lambda: len(server.app.state.sockets) == 5)
        await stack.enter_async_context(signed_in(server))


@CARRIERS
async def test_sockets_that_are_gone_are_not_counted(settings: Settings, is_foreign: bool):
    async with bounded(settings, is_foreign=is_foreign) as server:
        admin = await make_admin(server.process.database)
        async with watching(server, admin), signed_in(server, admin) as client, connected(server) as silent:
            await client.connection.send("garbage")
            await client.closing()
            silent.connection.transport.abort()
            await until(lambda: len(server.app.state.sockets) == 1)

        await until(lambda: len(server.app.state.sockets) == 0)
        assert server.subscribers == 0


async def test_operations_end_with_their_socket(settings: Settings):
    async with bounded(settings) as server:
        admin = await make_admin(server.process.database)

        async def come_and_go(client: Client) -> None:
            await client.start(WATCH, "1")
            client.connection.transport.abort()

        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(signed_in(server, admin)) for _ in range(20)]
            await asyncio.gather(*map(come_and_go, clients))
            await until(lambda: len(server.app.state.sockets) == 0)

        await until(lambda: not server.app.state.sockets._tasks)
        assert server.subscribers == 0
