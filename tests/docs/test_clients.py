"""The clients that the documents show, run as their readers run them, through all that ends a stream."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from textwrap import indent
from typing import Any
from uuid import uuid4

import orjson
import pytest
from factories.goods import make_variant
from factories.people import make_admin
from sqlalchemy import text
from support.documents import ROOT, Block, blocks
from support.node import PATIENCE, bundle, needs_node, node
from support.server import CHEAP_PASSWORDS, Server, serving
from support.shop import Shop
from support.waiting import until

from app.settings import Settings
from app.wiring import Process, running
from domain.actor import Actor
from domain.events.model import log_cursor
from graph.live.rights import resync

CLIENTS = ROOT / "docs" / "clients"
SUFFIXES = {"python": ".py", "typescript": ".ts"}
PASSWORD = "orderwire-demo"

PLACE = 'mutation { orderPlace(input: {lines: [{sku: "MUG", quantity: 1}]}) { order { number } } }'
REGISTER = "mutation ($input: UserRegisterInput!) { userRegister(input: $input) { userErrors { code } } }"

Command = list[str | Path]


def python(_: Path) -> Command:
    return [sys.executable, CLIENTS / "watch.py"]


def typescript(place: Path) -> Command:
    return [*node(), bundle(CLIENTS / "watch.ts", place)]


in_both = pytest.mark.parametrize("make", [python, pytest.param(typescript, marks=needs_node)])


class Watcher:
    """A running client, and what it tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self.process, self._out = process, process.stdout

    async def told(self, count: int) -> list[Any]:
        """The next lines."""
        async with asyncio.timeout(PATIENCE):
            return [orjson.loads(await self._out.readline()) for _ in range(count)]

    async def ends(self) -> tuple[int, bytes]:
        """The exit code, and what nobody has read yet."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait(), await self._out.read()


@asynccontextmanager
async def watching(command: Command, server: Server, place: Path) -> AsyncGenerator[Watcher]:
    """A client, which is killed at the end should it still run."""
    environment = {
        "PATH": os.environ["PATH"],
        "SHOP_URL": f"{server.url}/graphql",
        "SHOP_USERNAME": "watcher",
        "SHOP_PASSWORD": PASSWORD,
        "CURSOR_FILE": str(place / "watch.cursor"),
    }
    with (place / "errors.txt").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    try:
        yield Watcher(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        # Shown where the test fails.
        sys.stderr.write((place / "errors.txt").read_text())


@pytest.fixture
def settings(fresh_url: str, tmp_path: Path) -> Settings:
    """The settings of servers that follow one another."""
    return Settings(
        database_url=fresh_url, broadcast_url="memory://", data_dir=tmp_path, shutdown_seconds=1, **CHEAP_PASSWORDS
    )


async def open_shop(server: Server, *scopes: str) -> Actor:
    """An admin who places orders for mugs, beside a user who can sign in to watch."""
    await make_variant(server.process.database, "MUG", LON=100)
    await server.get(REGISTER, input={"username": "watcher", "password": PASSWORD, "email": "watcher@example.com"})
    await grant(server, *scopes)
    return await make_admin(server.process.database)


async def grant(server: Server, *scopes: str) -> None:
    """Let the watcher have these rights and no other."""
    statement = text("UPDATE users SET scopes = :scopes WHERE username = 'watcher'").bindparams(scopes=list(scopes))
    await server.process.database.execute(statement)


async def place(process: Process, buyer: Actor, count: int) -> list[dict[str, Any]]:
    """Orders, and what has to be told of them."""
    answers = [await Shop(process).get(PLACE, buyer) for _ in range(count)]
    numbers = [answer["orderPlace"]["order"]["number"] for answer in answers]
    return [{"from": None, "to": "PENDING", "order": number} for number in numbers]


async def tokens_are_renewed(server: Server) -> None:
    """Wait until a token has ended and was renewed, and then another; the next one lasts."""

    async def renewed() -> bool:
        return (await server.process.database.read(text("SELECT count(*) >= 3 FROM refresh_tokens")))[0][0]

    await until(renewed, PATIENCE)
    server.process.services.issuer.lifetime = 900


async def fall_behind(server: Server) -> None:
    """What comes to a client that reads too slowly, without the megabytes that it takes to be one."""
    streams = server.process.services.streams
    await until(lambda: len(streams) == 1, PATIENCE)
    for members in tuple(streams._members.values()):
        for member in tuple(members):
            member.refuse(resync())


@in_both
async def test_a_client_is_told_each_event_once_and_in_order_whatever_ends_meanwhile(
    make: Callable[[Path], Command], settings: Settings, tmp_path: Path
):
    cursor = tmp_path / "watch.cursor"
    cursor.write_text(log_cursor(uuid4(), 7))  # of another log
    command = make(tmp_path)
    async with AsyncExitStack() as stack:
        async with serving(settings) as server:
            admin = await open_shop(server, "orders:read")
            known = await place(server.process, admin, 1)
            server.process.services.issuer.lifetime = 1
            watcher = await stack.enter_async_context(watching(command, server, tmp_path))
            assert await watcher.told(1) == [{"pending": [known[0]["order"]]}]

            await tokens_are_renewed(server)
            placed = await place(server.process, admin, 2)
            assert await watcher.told(2) == placed

            await fall_behind(server)
            placed = await place(server.process, admin, 2)
            assert await watcher.told(2) == placed

        async with running(settings) as process:
            placed = await place(process, admin, 3)

        async with serving(settings, port=server.port) as server:
            assert await watcher.told(3) == placed
            await until(lambda: server.subscribers == 1, PATIENCE)
            watcher.process.send_signal(signal.SIGTERM)
            assert await watcher.ends() == (0, b"")

            placed = await place(server.process, admin, 1)
            async with watching(command, server, tmp_path) as watcher:
                assert await watcher.told(1) == placed


@in_both
async def test_a_client_that_may_watch_no_longer_is_told_no_more_and_ends(
    make: Callable[[Path], Command], settings: Settings, tmp_path: Path
):
    async with serving(settings) as server:
        admin = await open_shop(server, "orders:read")
        async with watching(make(tmp_path), server, tmp_path) as watcher:
            assert await watcher.told(1) == [{"pending": []}]
            await until(lambda: server.subscribers == 1, PATIENCE)
            await grant(server)
            await place(server.process, admin, 1)
            # With a new token it asks for what it missed, and is refused.
            assert await watcher.ends() == (1, b"")

    assert "FORBIDDEN" in (tmp_path / "errors.txt").read_text()


@pytest.mark.check
@pytest.mark.parametrize("block", [each for each in blocks(*SUFFIXES) if each.document == "docs/live.md"], ids=str)
def test_what_is_shown_of_the_clients_is_what_runs(block: Block):
    program = (CLIENTS / f"watch{SUFFIXES[block.language]}").read_text()
    # A method is shown without the indentation of its class.
    assert block.text in program or indent(block.text, "    ") in program
