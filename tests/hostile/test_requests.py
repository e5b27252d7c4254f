"""Every hostile request of the corpus is refused in JSON, tells nothing of the inside, and harms nobody."""

import asyncio
import logging
from email.parser import BytesParser

import orjson
import pytest
from hostile.requests import ATTACKS, Attack
from support.server import Server
from support.waiting import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def exchange(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that answer some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(PATIENCE):
            start = await reader.readline()
            lines = await reader.readuntil(b"\r\n\r\n")
            headers = {name.lower(): value for name, value in BytesParser().parsebytes(lines).items()}
            body = await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.transport.abort()
    return int(start.split()[1]), headers, body


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_a_hostile_request_is_refused(lasting: Server, attack: Attack, caplog: pytest.LogCaptureFixture):
    status, headers, body = await exchange(lasting, attack.sent)

    [error] = orjson.loads(body)["errors"]
    assert (status, error["extensions"]["code"]) == (attack.status, attack.code)
    assert attack.says in error["message"]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert len(body) < 500
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_after_all_of_them_the_server_answers_as_before(lasting: Server):
    assert await lasting.get("{ me { id } }") == {"me": None}
