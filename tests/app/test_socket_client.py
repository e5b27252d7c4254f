"""GraphQL over WebSocket, as the reference client speaks it: the package `graphql-ws`."""

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from factories.goods import make_variant
from factories.people import make_admin
from support.documents import ROOT
from support.node import MODULES, PATIENCE, needs_node, node
from support.server import Server, serving
from support.waiting import until

from app.settings import Settings

SPEAKER = ROOT / "tests" / "support" / "speaker.cjs"

PLACE = 'mutation { orderPlace(input: {lines: [{sku: "MUG", quantity: 1}]}) { userErrors { code } } }'
WATCH = "subscription { orderStatusChanged { from to order { status } } }"

pytestmark = needs_node


class Speaker:
    """The running client, and what it tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    async def told(self, count: int) -> list[Any]:
        async with asyncio.timeout(PATIENCE):
            return [orjson.loads(await self._out.readline()) for _ in range(count)]

    def stop(self) -> None:
        self._in.write(b"\n")


@asynccontextmanager
async def speaking(server: Server, authorization: str) -> AsyncGenerator[Speaker]:
    process = await asyncio.create_subprocess_exec(
        *(*node(), SPEAKER, server.socket_url, authorization, WATCH),
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Speaker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("is_foreign", [False, True], ids=["own", "foreign"])
async def test_the_reference_client_is_understood(settings: Settings, is_foreign: bool):
    async with serving(settings, is_foreign=is_foreign) as server:
        await make_variant(server.process.database, "MUG", LON=10)
        admin = await make_admin(server.process.database)
        async with speaking(server, f"Bearer {server.token(admin)}") as speaker:
            assert await speaker.told(6) == [
                ["query", "next", {"me": {"username": "boss"}}],
                ["query", "complete"],
                ["mutation", "next", {"tokenRefresh": {"userErrors": [{"code": "INVALID_TOKEN"}]}}],
                ["mutation", "complete"],
                ["broken", "error", ["GRAPHQL_VALIDATION_FAILED"]],
                ["ready"],
            ]
            await until(lambda: server.subscribers == 1)
            for _ in range(2):
                await server.get(PLACE, admin)
            event = {"orderStatusChanged": {"from": None, "to": "PENDING", "order": {"status": "PENDING"}}}
            assert await speaker.told(2) == [["watch", "next", event]] * 2

            speaker.stop()
            assert await speaker.told(2) == [["watch", "complete"], ["closed", 1000, "Normal Closure"]]
            await until(lambda: server.subscribers == 0)


async def test_the_reference_client_is_told_that_its_token_is_none(settings: Settings):
    async with serving(settings) as server, speaking(server, "Bearer nonsense") as speaker:
        told = await speaker.told(3)

    assert ["closed", 4403, "Forbidden"] in told
    assert ["watch", "error", 4403] in told
