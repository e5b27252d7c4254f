"""A revoked token is refused within a second: in other processes, on open sockets, and with the database away."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import websockets
from factories.people import make_admin
from sqlalchemy import text
from support.processes import Serving, serving
from support.server import Server, complaints
from support.sockets import Client, connected, watching
from support.waiting import PATIENCE, until

from db.base import new_id
from db.tokens import SqlSessionStore
from domain.actor import Actor

REVOKE = "mutation ($given: String!) { tokenRevoke(input: {token: $given}) { revoked } }"
ME = "{ me { username } }"
WATCH = "subscription { orderStatusChanged { to } }"
PROMISED = 1.0
"""Seconds within which every process refuses a token that was revoked in one of them."""
SLACK = 5
"""How many times two requests may be added to it: hardly anything, but on a machine that has other things to do."""


async def status(process: Serving, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as client:
        return (await client.post(process.url, json={"query": ME}, headers=headers)).status_code


async def test_what_one_process_revokes_every_process_refuses_within_a_second(fresh_url: str, tmp_path: Path):
    # Without a broker between them: each has a doorbell of its own, which the other does not hear.
    given = {"database_url": fresh_url, "broadcast_url": "memory://", "seed": False, "admin_password": "a-password"}
    with serving(tmp_path, **given) as here, serving(tmp_path, **given) as there:
        await asyncio.to_thread(lambda: (here.ready(), there.ready()))
        token = await asyncio.to_thread(here.sign_in, "admin", "a-password") or ""
        before = [await status(each, token) for each in (here, there)]
        asked = time.monotonic()
        before += [await status(each, token) for each in (here, there)]
        slack = SLACK * (time.monotonic() - asked)
        socket_url = there.url.replace("http", "ws")
        async with websockets.connect(
            socket_url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")], proxy=None
        ) as connection:
            client = Client(connection)
            await client.sign_in(Authorization=f"Bearer {token}")
            await client.start(WATCH)
            # Answered in order: once this one is, the subscription stands.
            assert (await client.run(ME, "2"))["data"] == {"me": {"username": "admin"}}

            await asyncio.to_thread(here.post, REVOKE, given=token)
            revoked = time.monotonic()
            at_once = await status(here, token)

            async def is_refused() -> bool:
                return await status(there, token) == 401

            await until(is_refused)
            took = time.monotonic() - revoked
            told = await client.receive()

    assert (before, at_once) == ([200] * 4, 401)
    assert took < PROMISED + slack
    assert told["type"] == "next"
    assert told["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def revoke(server: Server, actor: Actor) -> None:
    """As another process would: with no word to this one."""
    assert actor.session is not None
    issuer = server.process.services.issuer
    async with server.process.database.transaction() as connection:
        await SqlSessionStore(connection, {}).end([actor.session], issuer.last_end())


async def test_a_revoked_token_opens_no_socket_and_an_open_one_closes_at_its_next_operation(server: Server):
    admin = await make_admin(server.process.database)
    token = server.token(admin)
    actor = server.process.services.issuer.actor(token)
    async with connected(server) as client:
        await client.sign_in(Authorization=f"Bearer {token}")
        before = await client.run(ME)
        await revoke(server, actor)
        await until(lambda: server.process.services.revocations.has_ended(actor))
        await client.start(ME)
        closed = await client.closing()
    async with connected(server) as client:
        await client.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
        refused = await client.closing()

    assert before["data"] == {"me": {"username": "boss"}}
    assert closed == (4403, "The access token has ended")
    assert refused[0] == 4403


async def test_an_idle_subscription_ends_when_its_session_does_without_any_event(server: Server):
    admin = await make_admin(server.process.database)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(watching(server, admin))
        [session] = server.process.services.streams._sessions
        await revoke(server, Actor(admin.user_id, session=session))
        message = await client.receive()

    assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await until(lambda: server.subscribers == 0)


async def test_while_the_database_is_away_what_is_known_stands_and_the_rest_is_learnt_when_it_is_back(
    server: Server, caplog: pytest.LogCaptureFixture
):
    issuer, revocations = server.process.services.issuer, server.process.services.revocations
    admin = await make_admin(server.process.database)
    known, unknown = [issuer.actor(server.token(admin)) for _ in range(2)]
    await revoke(server, known)
    await until(lambda: revocations.is_revoked(known))

    await server.process.database.execute(text("ALTER TABLE revoked_tokens RENAME TO hidden"))
    await until(lambda: any("revocations_unreadable" in each for each in complaints(caplog)))
    still = revocations.is_revoked(known)
    statement = text("INSERT INTO hidden (id, expires_at) VALUES (:id, :until)")
    async with server.process.database.transaction() as connection:
        await connection.execute(statement, {"id": unknown.session, "until": issuer.last_end()})
    await server.process.database.execute(text("ALTER TABLE hidden RENAME TO revoked_tokens"))
    await until(lambda: revocations.is_revoked(unknown))

    assert still
    assert revocations.is_revoked(known)
    assert not revocations.is_revoked(Actor(new_id(), session=new_id()))
