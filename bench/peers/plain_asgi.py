"""Orderwire behind uvicorn as it comes, for fan_out.py: sockets and streams go by ASGI, as under any other server."""

import asyncio
import socket
from typing import Any

import uvicorn

from app.prepare import prepare
from app.settings import Settings


def main() -> None:
    """Serve on any port, and tell the address."""
    asyncio.run(prepare(Settings()))
    options: Any = {"http": "httptools", "ws": "websockets-sansio", "ws_per_message_deflate": False, "log_config": None}
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"Playground http://127.0.0.1:{listener.getsockname()[1]}/graphql", flush=True)
    uvicorn.Server(uvicorn.Config("app.main:create_app", factory=True, **options)).run(sockets=[listener])


if __name__ == "__main__":
    main()
