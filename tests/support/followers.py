"""Subscribers over real WebSockets that lose their connection and resume by cursor, as docs/live.md wants it."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import websockets

PROTOCOL = websockets.Subprotocol("graphql-transport-ws")
SILENCE = 30.0
"""Seconds without a message after which a follower gives its connection up."""

Told = dict[str, Any]


class StreamRefusedError(Exception):
    """The server refused what docs/live.md promises."""


class Follower:
    """Keeps the cursor of the last event it dealt with, and all events that it was told.

    `leaves_after` is the average number of events after which it leaves by itself; 0 for never.
    """

    def __init__(
        self, name: str, urls: Sequence[str], token: str, query: str, *, after: str | None, leaves_after: int = 0
    ) -> None:
        """`query` has a variable $after and one field; `urls` are tried in turn."""
        self.told: list[Told] = []
        self.breaks = self.resyncs = self.faults = self.partial = 0
        self.cursor = after
        self._urls, self._token, self._query, self._leaves_after = urls, token, query, leaves_after
        self._dice = random.Random(name)
        self._turn = self._dice.randrange(len(urls))

    async def follow(self, is_last: Callable[[Told], bool]) -> None:
        """Follow until the last event, over as many connections as it takes."""
        while not (self.told and is_last(self.told[-1])):
            self._turn += 1
            faults, was_cut = self.faults, False
            try:
                await self._connect(self._urls[self._turn % len(self._urls)], is_last)
            except (OSError, TimeoutError, websockets.WebSocketException):
                was_cut = True
            self.breaks += 1
            if was_cut or self.faults > faults:
                # A client waits a little before it tries again, so as not to storm a server that comes up.
                await asyncio.sleep(0.1 * self._dice.random())

    async def _connect(self, url: str, is_last: Callable[[Told], bool]) -> None:
        async with (
            asyncio.timeout(SILENCE) as patience,
            # With a bounded queue the library stops reading when it is full, and then never sees the answer to a close.
            websockets.connect(
                url, subprotocols=[PROTOCOL], proxy=None, compression=None, max_queue=None
            ) as connection,
        ):
            payload = {"Authorization": f"Bearer {self._token}"}
            await _send(connection, type="connection_init", payload=payload)
            await connection.recv()
            variables = {"after": self.cursor}
            await _send(connection, type="subscribe", id="1", payload={"query": self._query, "variables": variables})
            left = self._dice.randint(1, 2 * self._leaves_after) if self._leaves_after else -1
            while left:
                patience.reschedule(asyncio.get_running_loop().time() + SILENCE)
                if not self._deal_with(orjson.loads(await connection.recv())) or is_last(self.told[-1]):
                    return
                left -= 1
            if self._dice.random() < 0.5:
                # As a cable that is pulled: whatever is under way is lost.
                connection.transport.abort()

    def _deal_with(self, message: Any) -> bool:
        """Note an event; false where the stream has ended."""
        if message["type"] == "ping":
            return bool(self.told)
        payload = message.get("payload") or {}
        if message["type"] != "next" or payload.get("errors"):
            self._resume(payload)
            return False
        [event] = payload["data"].values()
        self.told.append(event)
        self.cursor = event["cursor"]
        return True

    def _resume(self, payload: Any) -> None:
        """What a stream that ends says of where to go on; an event that failed is asked for once more."""
        codes = [error["extensions"]["code"] for error in payload.get("errors", ())]
        if codes == ["RESYNC"]:
            self.resyncs += 1
            self.cursor = payload["errors"][0]["extensions"]["cursor"]
        elif codes and set(codes) <= {"INTERNAL_SERVER_ERROR"}:
            self.faults += 1
            self.partial += payload.get("data") is not None
        elif codes:
            raise StreamRefusedError(payload)


async def _send(connection: websockets.ClientConnection, **message: Any) -> None:
    await connection.send(orjson.dumps(message).decode())
