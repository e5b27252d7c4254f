"""Many callers at once: two processes of two connection pools each, driven by the test.

Each process holds the real schema over two times all that a server holds. It reads a batch of operations from its
input as one line of JSON, runs them all at once, and answers with one line.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from factories.goods import make_warehouse
from support.processes import ROOT, environment
from support.shop import Shop

from app.settings import Settings
from app.wiring import running
from db.engine import Connection
from domain.actor import Actor

PROCESSES = 2
POOLS = 2
POOL_SIZE = 16
LINE_MAX = 1 << 24
LOCK = " FOR UPDATE OF stock_levels"


@dataclass(frozen=True)
class Call:
    """An operation, and who runs it."""

    actor: Actor
    query: str
    input: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a call was answered, or that it went wrong."""

    payload: dict[str, Any]
    errors: list[dict[str, Any]]

    @property
    def codes(self) -> list[str]:
        return [error["code"] for error in self.payload["userErrors"]]


class Crowd:
    """The processes that call."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._processes = processes

    async def call(self, calls: Sequence[Call], *, locked: bool = True) -> list[Reply]:
        """Run operations at once, dealt to the pools in turn; unless `locked`, with the guard's lock taken away."""
        hands = [calls[index::PROCESSES] for index in range(PROCESSES)]
        answers = await asyncio.gather(
            *(_ask(process, hand, locked) for process, hand in zip(self._processes, hands, strict=True))
        )
        return [answers[index % PROCESSES][index // PROCESSES] for index in range(len(calls))]


@asynccontextmanager
async def crowd(url: str, data_dir: Path) -> AsyncGenerator[Crowd]:
    """The callers of the shop at `url`, until the block ends."""
    env = environment(data_dir) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "support.crowd", url, str(data_dir)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            limit=LINE_MAX,
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield Crowd(processes)
    finally:
        for process in processes:
            # They end when nobody can ask them any more.
            assert process.stdin
            process.stdin.close()
            await process.wait()


@asynccontextmanager
async def crowded_shop(url: str, data_dir: Path) -> AsyncGenerator[tuple[Shop, Crowd]]:
    """The shop at `url`, of three warehouses, and callers."""
    async with running(_settings(url, data_dir)) as process, crowd(url, data_dir) as callers:
        shop = Shop(process)
        for priority, code in enumerate(("LON", "YRK", "HUL")):
            await make_warehouse(shop.database, code, priority)
        yield shop, callers


def _settings(url: str, data_dir: Path) -> Settings:
    # Nobody watches, so nobody needs to be told.
    live = {"broadcast_url": "memory://", "live_poll_seconds": 60}
    return Settings(database_url=url, data_dir=data_dir, database_pool_size=POOL_SIZE, **live)


async def _ask(process: asyncio.subprocess.Process, calls: Sequence[Call], locked: bool) -> list[Reply]:
    assert process.stdin
    assert process.stdout
    told = [[str(call.actor.user_id), call.actor.is_admin, call.query, call.input] for call in calls]
    process.stdin.write(json.dumps({"locked": locked, "calls": told}).encode() + b"\n")
    answer = await process.stdout.readline()
    assert answer, "The process has died; what it said stands above."
    return [Reply(**each) for each in json.loads(answer)]


async def _serve(url: str, data_dir: Path, answers: IO[str]) -> None:
    settings = _settings(url, data_dir)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        shops = [Shop(await stack.enter_async_context(running(settings))) for _ in range(POOLS)]
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            asked = json.loads(line)
            with _Unlocked(not asked["locked"]):
                work = [_run(shops[index % POOLS], *call) for index, call in enumerate(asked["calls"])]
                replies = await asyncio.gather(*work)
            answers.write(json.dumps([asdict(reply) for reply in replies]) + "\n")
            answers.flush()


async def _run(shop: Shop, user: str, is_admin: bool, query: str, given: dict[str, Any]) -> Reply:
    answer = await shop.run(query, Actor(UUID(user), user, is_admin), input=given)
    return Reply(next(iter((answer.data or {}).values()), None) or {}, answer.errors)


class _Unlocked:
    """The naive guard: it reads levels, compares in Python and writes, as the real one does, but holds no lock."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def __enter__(self) -> None:
        if self._wanted:
            Connection.fetch = _fetch_without_lock

    def __exit__(self, *_: object) -> None:
        Connection.fetch = _fetch


_fetch = Connection.fetch


async def _fetch_without_lock(connection: Connection, sql: str, arguments: Sequence[Any], **how: Any) -> Sequence[Any]:
    return await _fetch(connection, sql.replace(LOCK, ""), arguments, **how)


if __name__ == "__main__":
    # Faults are logged to the standard output, where they would mix with the answers.
    kept = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2]), kept))
