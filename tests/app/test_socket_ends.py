"""What a socket may carry, and for how long."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from factories.people import make_admin
from support.bare import bare, fill
from support.server import Server, complaints, serving
from support.sockets import connected
from support.waiting import until

from app.settings import Settings

ME = "{ me { username } }"


async def test_a_socket_does_not_outlive_its_token(server: Server):
    admin = await make_admin(server.process.database)
    server.process.services.issuer.lifetime = 2
    ends = datetime.now(UTC) + timedelta(seconds=2)

    async with connected(server) as client:
        await client.sign_in(Authorization=f"Bearer {server.token(admin)}")
        before = await client.run(ME)
        await until(lambda: datetime.now(UTC) > ends)
        await client.start(ME)

        assert await client.closing() == (4403, "The access token has ended")
    assert before["data"] == {"me": {"username": "boss"}}


async def test_a_message_is_bounded_as_a_body_is(settings: Settings):
    bounded = settings.model_copy(update={"max_body_bytes": 2048})
    async with serving(bounded) as server, connected(server) as client:
        await client.sign_in()
        await client.start(f"{{ me {{ id }} }} # {'x' * 4000}")

        code, _ = await client.closing()

    assert code == 1009


async def test_a_client_that_vanishes_while_it_is_answered_is_no_error(
    server: Server, caplog: pytest.LogCaptureFixture
):
    async with bare(server.socket_url) as client:
        socket = await fill(server, client)
        # It cannot be answered, and so nothing more is read.
        await client.send(type="ping")
        await until(lambda: not socket._transport.is_reading())

    await until(lambda: "websocket" in [_event(record) for record in caplog.records])
    assert complaints(caplog) == []


async def test_a_client_that_vanishes_before_it_is_turned_away_is_no_error(
    server: Server, caplog: pytest.LogCaptureFixture
):
    async with bare(server.socket_url) as client:
        socket = await fill(server, client)
        socket.close(1013, "Not now")

    await until(lambda: "websocket" in [_event(record) for record in caplog.records])
    assert complaints(caplog) == []


def _event(record: logging.LogRecord) -> object:
    return record.msg["event"] if isinstance(record.msg, dict) else None
