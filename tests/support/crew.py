"""Processes that serve and write at the same time, forked from one that has imported everything once."""

import asyncio
import multiprocessing
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any

import uvloop
from support.server import serving
from support.unruly import Stock, Writer, Written, write_together

from app.settings import Settings
from app.wiring import system_unit_of_work
from db.engine import Database
from domain.actor import Actor

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["app.main", "db.migrate", "httpx", "pytest", "uvicorn", "websockets"])


class Worker:
    """A process with writers, and perhaps a server. `port` is that of its server."""

    def __init__(self, work: Callable[..., None], *given: Any) -> None:
        self._pipe, theirs = _FORKS.Pipe()
        self.process = _FORKS.Process(target=work, args=(theirs, *given), daemon=True)
        self.process.start()
        theirs.close()
        self.port = 0

    async def ready(self) -> None:
        self.port = await self._hear()

    async def write(self, seconds: float) -> tuple[list[Written], int]:
        """Have its writers write; what they saw commit, and how many events were undone."""
        self._pipe.send(seconds)
        return await self._hear()

    async def stop(self) -> None:
        self._pipe.close()
        await asyncio.to_thread(self.process.join, 20)
        if self.process.is_alive():
            self.process.kill()

    async def _hear(self) -> Any:
        return await asyncio.to_thread(self._pipe.recv)


@asynccontextmanager
async def crew(settings: dict[str, Any], stock: Stock, servers: int) -> AsyncGenerator[list[Worker]]:
    """Servers with writers in them, and as the last one a process of writers that cannot ring."""
    workers = [Worker(_serve, settings, stock, f"server{number}") for number in range(servers)]
    workers.append(Worker(_write_unheard, settings["database_url"], stock, "outsider"))
    try:
        await asyncio.gather(*(worker.ready() for worker in workers))
        yield workers
    finally:
        await asyncio.gather(*(worker.stop() for worker in workers))


def _serve(pipe: Connection, settings: dict[str, Any], stock: Stock, name: str) -> None:
    async def work() -> None:
        async with serving(Settings(**settings)) as server:
            begin: Any = server.process.services.begin
            writers = [Writer(f"{name}-{number}", lambda: begin(Actor.system(), None), stock) for number in range(6)]
            await _obey(pipe, server.port, writers)

    uvloop.run(work())


def _write_unheard(pipe: Connection, url: str, stock: Stock, name: str) -> None:
    async def work() -> None:
        database = Database(url, 4)
        writers = [Writer(f"{name}-{number}", lambda: system_unit_of_work(database), stock) for number in range(4)]
        await _obey(pipe, 0, writers)
        await database.close()

    asyncio.run(work())


async def _obey(pipe: Connection, port: int, writers: list[Writer]) -> None:
    """Write as long as told; go when whoever tells is gone."""
    pipe.send(port)
    try:
        while True:
            pipe.send(await write_together(writers, await asyncio.to_thread(pipe.recv)))
    except EOFError:
        return
