"""What the server's HTTP protocol adds to uvicorn's, seen from the wire."""

import asyncio
import socket
from contextlib import suppress

import orjson
import pytest
from factories.goods import make_variant
from factories.people import make_admin
from sqlalchemy import text
from support.listener import listener
from support.server import Server, complaints, serving
from support.waiting import PATIENCE, pass_time, until

from app.protocols import http as http_protocol
from app.protocols.wire import SEND_BUFFER
from app.settings import Settings
from domain.actor import Actor
from graph.live import member

PLACE = """
mutation ($notes: String) {
  orderPlace(input: {lines: [{sku: "MUG", quantity: 1}], notes: $notes}) { userErrors { code } }
}
"""
WATCH = "subscription { orderStatusChanged { cursor } }"
WIDE = f"subscription {{ orderStatusChanged {{ cursor order {{ {' '.join(f'n{n}: notes' for n in range(300))} }} }} }}"
ALIASES = {"max_aliases": 300}
PATIENT = {"shutdown_seconds": 300}
END = b"0\r\n\r\n"


async def open_shop(server: Server) -> Actor:
    await make_variant(server.process.database, "MUG", LON=1000)
    return await make_admin(server.process.database)


async def fill_up(server: Server, admin: Actor) -> None:
    """Have more told than the kernel takes for a listener that reads nothing."""

    async def is_full() -> bool:
        await server.get(PLACE, admin, notes="x" * 1000)
        # It may have been dropped meanwhile, where the machine is slow.
        return server.subscribers == 0 or any(each.flow.write_paused for each in server.connections)

    await until(is_full)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told to begin anew: how many orders are placed before their events are told depends on the machine."""
    monkeypatch.setattr(member, "BACKLOG_BYTES", 1 << 30)


@pytest.mark.usefixtures("roomy")
async def test_a_listener_that_reads_nothing_is_dropped(settings: Settings, caplog: pytest.LogCaptureFixture):
    hasty = settings.model_copy(update={"live_heartbeat_seconds": 0.2, **ALIASES})
    async with serving(hasty) as server:
        admin = await open_shop(server)
        async with listener(server, admin, WIDE) as client:
            await until(lambda: server.subscribers == 1)
            await fill_up(server, admin)
            await until(lambda: server.subscribers == 0)
            told = await client.rest()

    assert told.startswith(b"HTTP/1.1 200")
    assert b"RESYNC" not in told
    assert not told.endswith(END)
    assert complaints(caplog) == []


async def test_the_kernel_holds_little_for_who_listens(server: Server):
    admin = await make_admin(server.process.database)
    async with listener(server, admin, WATCH):
        await until(lambda: server.subscribers == 1)
        [connection] = [each.transport.get_extra_info("socket") for each in server.connections]
        # Linux counts twice what it is asked for (socket(7)).
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in {SEND_BUFFER, 2 * SEND_BUFFER}


@pytest.mark.usefixtures("roomy")
async def test_a_listener_that_reads_again_in_time_stays(settings: Settings):
    async with serving(settings.model_copy(update=ALIASES)) as server:
        admin = await open_shop(server)
        async with listener(server, admin, WIDE) as client:
            await until(lambda: server.subscribers == 1)
            await fill_up(server, admin)
            reading = asyncio.create_task(client.rest())
            await until(lambda: not any(each.flow.write_paused for each in server.connections))
            pass_time(2 * settings.live_heartbeat_seconds)
            # Who places the orders has nothing to ask for so long, and is let go.
            await until(lambda: len(server.connections) == 1)
            await server.get(PLACE, admin, notes="the last")
            await until(lambda: b"the last" in client.received)
            client.vanish()
            await reading


async def test_a_server_that_stops_ends_a_stream_and_does_not_break_it_off(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    async with serving(settings.model_copy(update=PATIENT)) as server:
        admin = await open_shop(server)
        stack = listener(server, admin, WATCH)
        client = await stack.__aenter__()
        await until(lambda: server.subscribers == 1)
        ending = asyncio.create_task(client.rest())

    told = await ending
    assert told.endswith(END)
    # What it watched goes on elsewhere: only an operation that has ended is complete.
    assert b"event: complete" not in told
    assert complaints(caplog) == []


@pytest.mark.usefixtures("roomy")
async def test_a_server_that_stops_does_not_wait_for_who_reads_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    async with serving(settings.model_copy(update={**ALIASES, **PATIENT})) as server:
        admin = await open_shop(server)
        stack = listener(server, admin, WIDE)
        client = await stack.__aenter__()
        await until(lambda: server.subscribers == 1)
        await fill_up(server, admin)

    # Nothing had to be cancelled after the time for graceful ends.
    assert complaints(caplog) == []
    assert not (await client.rest()).endswith(END)


async def test_a_listener_is_forgotten_though_it_asked_for_something_else_before_it_vanished(
    server: Server, caplog: pytest.LogCaptureFixture
):
    admin = await open_shop(server)
    async with listener(server, admin, WATCH) as client:
        await until(lambda: server.subscribers == 1)
        await client.send("GET /health HTTP/1.1")
        await until(lambda: any(each.pipeline for each in server.connections))
        client.vanish()

        async def is_forgotten() -> bool:
            # Nothing is read behind the second request, so that only writing tells.
            await server.get(PLACE, admin)
            return server.subscribers == 0

        await until(is_forgotten)

    assert complaints(caplog) == []


@pytest.mark.parametrize("begun", [b"", b"GET /gra", b"GET / HTTP/1.1\r\nHost: shop\r\nA: "])
async def test_who_takes_too_long_to_say_what_they_want_is_let_go(server: Server, begun: bytes):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(begun)
    await until(lambda: any(each._size == len(begun) for each in server.connections))
    pass_time(http_protocol.HEAD_SECONDS)
    async with asyncio.timeout(PATIENCE):
        told = await reader.read()
    writer.close()

    assert told.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert told.endswith(b'{"code":"BAD_REQUEST"}}]}')
    await until(lambda: len(server.connections) == 0)


async def test_who_has_said_it_may_take_their_time(server: Server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = b'{"query": "{ me { id } }"}'
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:5])
    await until(lambda: any(each._is_body for each in server.connections))
    pass_time(http_protocol.HEAD_SECONDS)
    writer.write(body[5:])
    async with asyncio.timeout(PATIENCE):
        start = await reader.readline()
    writer.close()

    assert start == b"HTTP/1.1 200 OK\r\n"


async def test_a_large_body_behind_its_head_is_no_large_head(server: Server):
    body = b'{"query": "{ me { id } }"}' + b" " * 200_000
    response = await server.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})

    assert response.json()["data"] == {"me": None}


async def said(server: Server, *sent: bytes) -> bytes:
    """Everything that answers some bytes, until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    told = b""
    try:
        async with asyncio.timeout(PATIENCE):
            # Who is closed in the middle of a sentence is told so by a reset.
            with suppress(ConnectionError):
                for each in sent:
                    writer.write(each)
                    await writer.drain()
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    told += data
    finally:
        writer.transport.abort()
    return told


POST = b"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: %b\r\n"


@pytest.mark.parametrize(
    "begun",
    [POST + b"Content-Length: 26\r\n\r\n{", CHUNKED + b"1\r\n{\r\n", CHUNKED + b"1;a"],
    ids=["a part", "a chunk", "an extension"],
)
async def test_a_body_that_takes_too_long_is_waited_for_no_more(
    server: Server, begun: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", 0.1)
    told = await said(server, begun)

    assert told.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"The body took too long to come." in told
    await until(lambda: len(server.connections) == 0)
    assert complaints(caplog) == []


async def test_a_body_that_is_wanted_no_more_is_not_waited_for_either(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_protocol, "BODY_SECONDS", 0.1)
    told = await said(server, CHUNKED.replace(b"application/json", b"text/plain") + b"1\r\n{\r\n")

    assert told.startswith(b"HTTP/1.1 415 ")
    assert told.count(b"HTTP/1.1") == 1


async def test_empty_lines_hold_no_connection(server: Server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEALTH)
    await reader.readuntil(b'{"status":"ok"}')
    writer.write(b"\r\n")
    await until(lambda: any(each._hurry is not None for each in server.connections))
    pass_time(http_protocol.HEAD_SECONDS)
    async with asyncio.timeout(PATIENCE):
        told = await reader.read()
    writer.close()

    assert told.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.parametrize(
    "padding",
    [
        b"0\r\n" + b"A: b\r\n" * 200_000,
        b"0\r\nA: " + b"b" * 1_000_000,
        b"1;" + b"a" * 1_000_000,
    ],
    ids=["trailers", "a trailer", "an extension"],
)
async def test_what_stands_around_a_body_is_bounded(server: Server, padding: bytes):
    told = await said(server, CHUNKED + b"1\r\n{\r\n", padding)

    # The reset may overtake the answer.
    assert told == b"" or told.startswith(b"HTTP/1.1 431 ")
    await until(lambda: len(server.connections) == 0)


async def test_what_claims_to_be_a_header_behind_the_body_is_none(server: Server):
    admin = await make_admin(server.process.database)
    body = b'{"query":"{ me { id } }"}'
    chunk = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    trailer = f"Authorization: {server.headers(admin)['Authorization']}\r\nConnection: close\r\n\r\n".encode()
    told = await said(server, CHUNKED.replace(b"Host", b"Connection: close\r\nHost") + chunk, trailer)

    assert b'"data":{"me":null}' in told


async def test_what_stands_behind_a_body_takes_no_memory(server: Server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(CHUNKED + b"1\r\n{\r\n0\r\n" + b"A: b\r\n" * 5_000 + b"\r\n")
    async with asyncio.timeout(PATIENCE):
        told = await reader.readuntil(b"\r\n")
    [connection] = server.connections
    kept = (connection.headers, connection.cycle.scope["headers"])
    writer.close()
    await writer.wait_closed()

    assert told == b"HTTP/1.1 400 Bad Request\r\n"
    assert not [each for headers in kept for each in headers if each == (b"a", b"b")]


async def test_so_many_requests_may_wait_for_the_one_before_them(server: Server):
    waiting = http_protocol.PIPELINED_MAX
    fine = HEALTH * waiting + HEALTH.replace(b"Host", b"Connection: close\r\nHost")

    assert (await said(server, fine)).count(b"HTTP/1.1 200 OK") == 1 + waiting
    # Those that are one too many are not answered, and neither is what waits.
    assert (await said(server, HEALTH * 1_000)).count(b"HTTP/1.1 ") <= 1


async def test_who_has_gone_is_not_written_to_though_other_requests_wait(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    body = orjson.dumps({"query": PLACE})
    async with serving(settings) as server:
        admin = await open_shop(server)
        token = f"Authorization: Bearer {server.token(admin)}\r\nContent-Type: application/json\r\n".encode()
        head = b"POST /graphql HTTP/1.1\r\nHost: shop\r\n" + token + b"Content-Length: %d\r\n\r\n" % len(body)
        async with server.process.database.transaction() as connection:
            await connection.execute(text("LOCK TABLE orders"))
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write((head + body) * 10)
            await until(lambda: any(each.pipeline for each in server.connections))
            writer.transport.abort()
            await until(lambda: not server.connections)

    # The one that was being answered has come to its end. uvloop takes it for a fault to write to a closed connection.
    assert complaints(caplog) == []


async def test_what_was_asked_first_is_answered_first(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.1)

    for behind in (b"\x00", b"A" * 100_000, HEALTH.replace(b"Host", UPGRADE % b"websocket" + b"Host")):
        told = await said(server, HEALTH + behind)
        assert told.startswith(b"HTTP/1.1 200 OK\r\n")
        assert told.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_a_body_behind_an_upgrade_is_no_request(server: Server, protocol: bytes):
    head = POST.replace(b"Host", UPGRADE % protocol + b"Host") + b"Content-Length: %d\r\n\r\n" % len(HEALTH)

    for told in (await said(server, head, HEALTH), await said(server, head.replace(b"POST", b"GET") + HEALTH)):
        assert told.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert told.count(b"HTTP/1.1") == 1


async def test_another_protocol_that_nobody_speaks_is_passed_over(server: Server):
    told = await said(server, HEALTH.replace(b"Host", UPGRADE % b"h2c" + b"Host"))

    assert told.startswith(b"HTTP/1.1 200 OK\r\n")
    assert told.endswith(b'{"status":"ok"}')


async def test_who_takes_nothing_of_an_answer_is_dropped(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_protocol, "STILL_SECONDS", 0.1)
    large = {"max_document_chars": 1_048_576, "max_body_bytes": 2_097_152, "live_heartbeat_seconds": 0.1}
    async with serving(settings.model_copy(update=large)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4096)
        body = b'{"query":"{ %b: __typename }"}' % (b"x" * 1_000_000)
        for _ in range(8):
            writer.write(POST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await until(lambda: any(each.flow.write_paused for each in server.connections))
        await until(lambda: len(server.connections) == 0)
        writer.transport.abort()
    assert not reader.at_eof()
