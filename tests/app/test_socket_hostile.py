"""Clients that mean harm: what they send is bounded, and so is what is kept for them."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from factories.people import make_admin
from support.bare import Bare, bare, fill
from support.server import Server, complaints
from support.sockets import PROTOCOL, WATCH, signed_in
from support.waiting import PATIENCE, until
from websockets.frames import Opcode

from app.protocols import socket as socket_protocol
from app.protocols.socket import Socket

MASKED = 0x80
FINAL = 0x80
CONTINUATION, TEXT, CLOSE, PING = 0, 1, 8, 9

BOUND = 1_000_000
"""Bytes that may wait for a client that reads nothing: what it sent at once, and the answers to that."""


def frame(opcode: int, payload: bytes = b"") -> bytes:
    """A frame of a client, masked with zeros."""
    size = bytes([MASKED | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([opcode]) + size + bytes(4) + payload


FLOODS = {
    "pings of the socket": frame(FINAL | PING, b"x" * 125),
    "pings of the protocol": frame(FINAL | TEXT, b'{"type":"ping","payload":{"x":"' + b"x" * 500 + b'"}}'),
}


async def flood(client: Bare, what: bytes) -> None:
    while True:
        await client.pour(what * 500)


def sockets(server: Server) -> list[Socket]:
    return [each for each in server.connections if isinstance(each, Socket)]


@pytest.mark.parametrize("what", FLOODS)
async def test_who_asks_without_end_and_reads_nothing_is_not_read_either(server: Server, what: str):
    async with bare(server.socket_url) as client:
        await client.send(type="connection_init")
        [socket] = sockets(server)
        flooding = asyncio.create_task(flood(client, FLOODS[what]))
        await until(lambda: not socket.is_writable and not socket._transport.is_reading())
        waits = socket._transport.get_write_buffer_size()
        flooding.cancel()

    assert 0 < waits < BOUND


@pytest.mark.parametrize("protocol", [PROTOCOL, "chat"])
async def test_who_is_being_closed_is_not_answered(server: Server, monkeypatch: pytest.MonkeyPatch, protocol: str):
    monkeypatch.setattr(socket_protocol, "PATIENCE", 0.3)
    async with bare(server.socket_url, protocol) as client:
        [socket] = sockets(server)
        if protocol == PROTOCOL:
            await client.send(type="start")
        flooding = asyncio.create_task(flood(client, FLOODS["pings of the socket"]))
        most = 0

        def is_gone() -> bool:
            nonlocal most
            most = max(most, socket._transport.get_write_buffer_size())
            return not server.connections

        await until(is_gone)
        flooding.cancel()
        await asyncio.wait([flooding])

    assert most < BOUND


async def test_a_client_that_reads_nothing_has_no_more_executed(server: Server):
    async with bare(server.socket_url) as client:
        socket = await fill(server, client)
        await client.send(type="ping")
        await until(lambda: not socket._transport.is_reading())
        before = socket._transport.get_write_buffer_size()
        await client.send(type="subscribe", id="late", payload={"query": "{ me { id } }"})
        async with signed_in(server) as other:
            assert (await other.run("{ me { id } }"))["data"] == {"me": None}

        assert socket._transport.get_write_buffer_size() <= before


async def test_a_message_of_endless_parts_takes_no_more_than_what_is_in_them(server: Server):
    async with bare(server.socket_url) as client:
        await client.pour(frame(TEXT, b'{"type":'))
        for _ in range(20):
            await client.pour(frame(CONTINUATION) * 500)
        [socket] = sockets(server)
        await client.pour(frame(CONTINUATION, b'"pi') + frame(FINAL | CONTINUATION, b'ng"}'))
        answer = await anext(client.frames())

        assert bytes(answer.data) == b'{"type":"pong"}'
        assert socket._message == b""


SPOILED = {
    "no UTF-8": frame(FINAL | TEXT, b"\xff"),
    "an unknown kind of frame": frame(FINAL | 3),
    "a part of nothing": frame(CONTINUATION),
    "a frame that is not masked": bytes([FINAL | TEXT, 1]) + b"x",
    "a frame longer than all memory": bytes([FINAL | TEXT, MASKED | 127]) + b"\x7f" + bytes(11),
    "half a frame": frame(FINAL | TEXT, b"x" * 100)[:50],
    "no message, and its leave at once": frame(FINAL | TEXT, b"x") + frame(FINAL | CLOSE, b"\x03\xe8") * 2,
    "many that are no messages": frame(FINAL | TEXT, b"x") * 1000,
}


@pytest.mark.parametrize("what", SPOILED)
async def test_who_breaks_the_rules_leaves_nothing_behind(server: Server, caplog: pytest.LogCaptureFixture, what: str):
    async with AsyncExitStack() as stack:
        for _ in range(5):
            client = await stack.enter_async_context(bare(server.socket_url))
            await client.send(type="connection_init")
            await client.pour(SPOILED[what])

    await until(lambda: not sockets(server))
    assert len(server.app.state.sockets) == 0
    assert complaints(caplog) == []


async def test_subscribers_who_have_caught_up_need_no_task(server: Server):
    admin = await make_admin(server.process.database)
    async with AsyncExitStack() as stack:

        async def subscribe(number: int) -> None:
            client = await stack.enter_async_context(bare(server.socket_url))
            await client.send(type="connection_init", payload=server.headers(admin))
            await client.send(type="subscribe", id="1", payload={"query": WATCH})
            await until(lambda: server.subscribers == number)

        await subscribe(1)
        await until(lambda: not server.app.state.sockets._tasks)
        before = len(asyncio.all_tasks())
        for number in range(2, 12):
            await subscribe(number)
        await until(lambda: not server.app.state.sockets._tasks)

        assert len(asyncio.all_tasks()) == before
        assert not any(hasattr(each, "__dict__") for each in sockets(server))


async def test_who_says_much_at_once_is_heard_in_parts(server: Server):
    async with bare(server.socket_url) as client:
        [socket] = sockets(server)
        pouring = asyncio.create_task(client.pour(frame(FINAL | PING) * 20_000))
        await until(lambda: socket._unread)
        # Others have their turn now, and all of it is answered in the end.
        assert not socket._transport.is_reading()
        await pouring
        async with asyncio.timeout(PATIENCE):
            frames = client.frames()
            for _ in range(20_000):
                assert (await anext(frames)).opcode is Opcode.PONG
        assert not socket._unread
