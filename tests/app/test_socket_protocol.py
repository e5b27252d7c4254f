"""What the server's WebSocket protocol adds to uvicorn's, seen from the wire."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack

import orjson
import pytest
from factories.goods import make_variant
from factories.people import make_admin
from support.bare import bare, fill
from support.server import Server, complaints, serving
from support.sockets import connected, watching
from support.waiting import pass_time, until
from websockets.frames import Frame, Opcode

from app.protocols import socket as socket_protocol
from app.protocols.socket import Socket
from app.protocols.wire import SEND_BUFFER
from app.settings import Settings

SERVICE_RESTART = 1012
TRY_AGAIN = 1013

PLACE = """
mutation ($notes: String) {
  orderPlace(input: {lines: [{sku: "MUG", quantity: 1}], notes: $notes}) { userErrors { code } }
}
"""
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
WIDE = f"subscription {{ orderStatusChanged {{ cursor order {{ {' '.join(f'n{n}: notes' for n in range(40))} }} }} }}"


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"Cookie: " + b"x" * 9_000, b"431"), (b"GET /" + b"x" * 9_000 + b" HTTP/1.1", b"414")],
    ids=["header", "address"],
)
async def test_a_handshake_that_cannot_be_read_is_answered_and_holds_no_connection(
    server: Server, line: bytes, status: bytes
):
    first, _, rest = HANDSHAKE.partition(b"\r\n")
    head = line + b"\r\n" + rest if line.startswith(b"GET") else first + b"\r\n" + line + b"\r\n" + rest
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head)

    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()

    assert answer.split()[1] == status
    await until(lambda: not server.connections)


async def test_a_client_that_answers_no_ping_is_dropped_with_a_code_that_lets_it_come_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(socket_protocol, "PATIENCE", 0.1)
    hasty = settings.model_copy(update={"live_heartbeat_seconds": 0.1})
    async with serving(hasty) as server, bare(server.socket_url) as client:
        frames = [frame async for frame in client.frames()]

    assert [frame.opcode for frame in frames] == [Opcode.PING, Opcode.CLOSE]
    assert bytes(frames[1].data)[:2] == TRY_AGAIN.to_bytes(2, "big")


async def test_the_kernel_holds_little_for_a_client(server: Server):
    async with connected(server):
        [end] = [each for each in server.connections if isinstance(each, Socket)]
        connection = end._transport.get_extra_info("socket")
        # Linux counts twice what it is asked for (socket(7)).
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in {SEND_BUFFER, 2 * SEND_BUFFER}


async def test_a_client_that_answers_stays(settings: Settings):
    hasty = settings.model_copy(update={"live_heartbeat_seconds": 0.4})
    async with serving(hasty) as server, connected(server) as client:
        await client.sign_in()
        [end] = [each for each in server.connections if isinstance(each, Socket)]
        pinged: set[bytes | None] = set()

        def is_pinged_often() -> bool:
            pinged.add(end._pinged)
            return len(pinged) > 3

        # One that is silent is dropped before the third.
        await until(is_pinged_often)
        answer = await client.run("{ me { id } }")

    assert answer["data"] == {"me": None}


async def test_a_server_that_stops_tells_its_watchers_to_connect_anew(settings: Settings):
    async with serving(settings) as server:
        await make_variant(server.process.database, "MUG", LON=10)
        admin = await make_admin(server.process.database)
        stack = watching(server, admin)
        client = await stack.__aenter__()
        closing = asyncio.create_task(client.closing())

    assert await closing == (SERVICE_RESTART, "")


async def test_a_client_that_takes_leave_and_reads_nothing_does_not_stay(settings: Settings):
    # As long as it takes to fill the socket on a slow machine.
    hasty = settings.model_copy(update={"live_heartbeat_seconds": 5})
    async with serving(hasty) as server, bare(server.socket_url) as client:
        socket = await fill(server, client)
        await client.close()

        def is_gone() -> bool:
            pass_time(1)
            return socket not in server.connections

        await until(is_gone)


async def test_a_server_that_stops_does_not_wait_for_who_reads_nothing(settings: Settings):
    patient = settings.model_copy(update={"shutdown_seconds": 300})
    async with AsyncExitStack() as stack:
        async with serving(patient) as server:
            client = await stack.enter_async_context(bare(server.socket_url))
            await fill(server, client)
            began = time.monotonic()

        assert time.monotonic() - began < 100


async def test_who_reads_nothing_is_dropped_and_resumes_where_it_was(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    # It wakes as soon as it is dropped, on however slow a machine.
    monkeypatch.setattr(socket_protocol, "PATIENCE", 60)
    narrow = settings.model_copy(update={"live_queue": 5})
    async with serving(narrow) as server:
        await make_variant(server.process.database, "MUG", LON=100)
        admin = await make_admin(server.process.database)
        async with bare(server.socket_url) as client:
            await client.send(type="connection_init", payload=server.headers(admin))
            await client.send(type="subscribe", id="1", payload={"query": WIDE})
            await until(lambda: server.subscribers == 1)
            placed = 0
            while server.subscribers:
                await server.get(PLACE, admin, notes="x" * 1000)
                placed += 1
            messages: list[Frame] = []
            async for frame in client.frames():
                messages += [frame] if frame.opcode is not Opcode.PING else []
                if frame.opcode is Opcode.CLOSE:
                    break

        *told, ended = [orjson.loads(frame.data) for frame in messages[1:-1]]
        cursor = ended["payload"]["errors"][0]["extensions"]["cursor"]
        async with watching(server, admin, after=cursor) as watcher:
            rest = [(await watcher.next())["orderStatusChanged"]["to"] for _ in range(placed - len(told))]

    assert ended["payload"]["errors"][0]["extensions"]["code"] == "RESYNC"
    assert told[-1]["payload"]["data"]["orderStatusChanged"]["cursor"] == cursor
    code, reason = bytes(messages[-1].data)[:2], bytes(messages[-1].data)[2:]
    assert (int.from_bytes(code, "big"), reason.decode()) == (TRY_AGAIN, f"RESYNC {cursor}")
    assert rest == ["PENDING"] * (placed - len(told))


async def test_a_connection_is_handed_over_whole(server: Server):
    async with connected(server) as client:
        await client.sign_in()

        # Nothing of the handshake is kept, and nothing waits for its application to return.
        [end] = server.connections
        assert isinstance(end, Socket)
        assert end._transport.get_protocol() is end
        assert not any("run_asgi" in repr(task) for task in asyncio.all_tasks())


async def test_clients_that_vanish_while_hands_are_shaken_leave_nothing_behind(
    server: Server, caplog: pytest.LogCaptureFixture
):
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE)
        writer.transport.abort()
        del reader
    async with connected(server) as client:
        await client.sign_in()

    await until(lambda: not server.connections)
    assert len(server.app.state.sockets) == 0
    assert complaints(caplog) == []
