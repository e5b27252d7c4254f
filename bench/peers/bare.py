"""The baseline of fan_out.py: uvicorn with nothing behind it sends the same bytes to each socket, by ASGI."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
import uvloop

MESSAGE = (
    '{"id":"1","type":"next","payload":{"data":{"orderStatusChanged":{"cursor":"djEuNmU0NzFjZmUuNzUwNw",'
    '"occurredAt":"%s","to":"APPROVED","order":{"number":"OW-001999"}}}}}'
)
ACKNOWLEDGED = '{"type":"connection_ack"}'

sends: list[Any] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Tell every socket of as many events as a POST names in its body."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        await send({"type": "websocket.send", "text": ACKNOWLEDGED})
        sends.append(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        sends.remove(send)
    elif scope["type"] == "http":
        now = datetime.now(UTC)
        for number in range(int((await receive())["body"])):
            text = MESSAGE % (now + timedelta(microseconds=number)).isoformat()
            for one in tuple(sends):
                await one({"type": "websocket.send", "text": text})
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def serve() -> None:
    """Serve on any port, and tell the address."""
    options: Any = {"ws": "websockets-sansio", "ws_per_message_deflate": False, "log_level": "error"}
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"Playground http://127.0.0.1:{listener.getsockname()[1]}/graphql", flush=True)
    await uvicorn.Server(uvicorn.Config(app, lifespan="off", **options)).serve([listener])


if __name__ == "__main__":
    uvloop.run(serve())
