"""The servers that are compared: one process each, on the same database, on loopback."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PASSWORD = "bench-password-1"
SIGN_IN = 'mutation ($p: String!) { tokenCreate(input: {username: "admin", password: $p}) { accessToken } }'

COMPILED, CORE, MERCURIUS, POSTGRAPHILE = "Orderwire", "Orderwire by graphql-core", "Mercurius", "PostGraphile"
PLAIN = "Orderwire by plain ASGI"
BARE = "bare uvicorn"
OURS = frozenset({COMPILED, CORE, PLAIN})
SERVERS = (COMPILED, MERCURIUS, POSTGRAPHILE, CORE)

SETTINGS = {
    "ENVIRONMENT": "production",
    "LOG_LEVEL": "warning",
    "HOST": "127.0.0.1",
    "PORT": "0",
    "ADMIN_PASSWORD": PASSWORD,
    # All of the load is one caller's, who is held back otherwise; what it costs to count is part of the figures.
    "BUDGET": "1000000000",
    "BUDGET_REFILL": "100000000",
    "MAX_OPERATIONS": "1000",
    "SOCKETS_PER_CALLER": "1000000",
    "SOCKET_INIT_SECONDS": "60",
}


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    name: str
    process: psutil.Process
    url: str
    headers: dict[str, str]

    @property
    def token(self) -> str:
        """What a client over WebSocket says; the peers do not look at it."""
        return self.headers.get("Authorization", "Bearer nobody").removeprefix("Bearer ")

    @property
    def memory(self) -> float:
        """The resident memory of all its processes, in MB."""
        family = (self.process, *self.process.children(recursive=True))
        return sum(each.memory_info().rss for each in family) / 1_000_000


@contextmanager
def running(name: str, database_url: str, customer: str) -> Generator[Server]:
    """Start a server by its name; `customer` is whose orders the peers place."""
    with tempfile.TemporaryDirectory(prefix="orderwire-bench-") as directory:
        env = {"PATH": os.environ["PATH"], "HOME": directory}
        if name in OURS:
            way = "graphql-core" if name == CORE else "compiled"
            settings = {**SETTINGS, "DATA_DIR": directory, "DATABASE_URL": database_url, "EXECUTION": way}
            env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
            env |= {f"ORDERWIRE_{key}": value for key, value in settings.items()}
            command = [sys.executable, "-c", "from app.__main__ import main; main()", "serve"]
            if name == PLAIN:
                command = [sys.executable, str(HERE / "plain_asgi.py")]
        elif name == BARE:
            command = [sys.executable, str(HERE / "bare.py")]
        else:
            env |= {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
            env |= {"DATABASE_URL": database_url, "CUSTOMER_ID": customer}
            command = ["node", str(HERE / f"{name.lower()}.mjs")]
        with _process(command, env, directory) as (process, url):
            yield Server(name, process, url, _headers(url) if name in OURS else {})


@contextmanager
def _process(command: list[str], env: dict[str, str], directory: str) -> Generator[tuple[psutil.Process, str]]:
    """A process and the address that it tells when it is ready."""
    told = Path(directory) / "told.txt"
    with told.open("w") as out:
        server = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=directory)
    try:
        while not (found := [word for word in told.read_text().split() if word.endswith("/graphql")]):
            if server.poll() is not None:
                raise SystemExit(told.read_text())
            time.sleep(0.05)
        yield psutil.Process(server.pid), found[0]
    finally:
        server.terminate()
        server.wait()


def _headers(url: str) -> dict[str, str]:
    """Sign in as the admin."""
    body = {"query": SIGN_IN, "variables": {"p": PASSWORD}}
    answer = httpx.post(url, json=body, trust_env=False, timeout=60).json()
    return {"Authorization": f"Bearer {answer['data']['tokenCreate']['accessToken']}"}


def peer_versions() -> dict[str, str]:
    """The versions of the peers and of Node.js."""
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    names = ("mercurius", "graphql-jit", "fastify", "postgraphile", "grafast", "pg", "graphql")
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return {"Node.js": node.removeprefix("v"), **{name: lock[f"node_modules/{name}"]["version"] for name in names}}
