"""Watches the changes of orders, and misses none of them whatever ends meanwhile. Needs `gql[websockets]`.

Takes SHOP_URL, SHOP_USERNAME, SHOP_PASSWORD and CURSOR_FILE from the environment, and stops on Ctrl-C or SIGTERM.
"""

import asyncio
import json
import os
import random
import signal
import sys
from contextlib import aclosing, suppress
from pathlib import Path

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8000/graphql").replace("http", "ws", 1)
CURSOR_FILE = Path(os.environ.get("CURSOR_FILE", "watch.cursor"))
USER = {"username": os.environ.get("SHOP_USERNAME", "admin"), "password": os.environ["SHOP_PASSWORD"]}

SIGN_IN = """mutation ($input: TokenCreateInput!) {
  tokenCreate(input: $input) { accessToken refreshToken userErrors { message } }
}"""
REFRESH = """mutation ($input: TokenRefreshInput!) {
  tokenRefresh(input: $input) { accessToken refreshToken userErrors { message } }
}"""
NEWEST = "query { eventCursor }"
STATE = "query { orders(first: 100, filter: {status: {eq: PENDING}}) { nodes { number status } } }"
CHANGES = """subscription ($after: String) {
  orderStatusChanged(after: $after) { cursor from to order { number status } }
}"""


def deal(event: dict) -> None:
    """What you do with a change. It must bear to be repeated: a crash may come before the cursor is kept."""
    print(json.dumps({key: event[key] for key in ("from", "to")} | {"order": event["order"]["number"]}), flush=True)


def begin(orders: list[dict]) -> None:
    """What you do with the present state, where there is no cursor to go on from."""
    print(json.dumps({"pending": [order["number"] for order in orders]}), flush=True)


class Watcher:
    """Connects again and again, each time from the newest cursor."""

    def __init__(self) -> None:
        self.cursor = CURSOR_FILE.read_text() if CURSOR_FILE.exists() else None
        self.refresh_token: str | None = None
        self.failures = 0

    def keep(self, cursor: str | None) -> None:
        """Of the last event that was dealt with, not of the last one received; never half a cursor."""
        self.cursor, self.failures = cursor, 0
        CURSOR_FILE.with_suffix(".new").write_text(cursor or "")
        CURSOR_FILE.with_suffix(".new").replace(CURSOR_FILE)

    async def access_token(self) -> str:
        """A new one for each connection: it lasts as long as one can, and holds the rights of today."""
        async with connection() as session:
            granted = {"accessToken": None}
            if self.refresh_token is not None:
                # Good for one use: whether or not an answer comes, it is not sent again.
                request, self.refresh_token = {"input": {"refreshToken": self.refresh_token}}, None
                granted = (await session.execute(GraphQLRequest(REFRESH, variable_values=request)))["tokenRefresh"]
            if granted["accessToken"] is None:
                request = GraphQLRequest(SIGN_IN, variable_values={"input": USER})
                granted = (await session.execute(request))["tokenCreate"]
        if granted["accessToken"] is None:
            sys.exit(granted["userErrors"][0]["message"])
        self.refresh_token = granted["refreshToken"]
        return granted["accessToken"]

    async def watch(self) -> None:
        """One connection, from the cursor to its end."""
        async with connection(await self.access_token()) as session:
            if not self.cursor:
                # In this order: a change between the two is told twice; the other way round it would be lost.
                newest = await session.execute(GraphQLRequest(NEWEST))
                begin((await session.execute(GraphQLRequest(STATE)))["orders"]["nodes"])
                self.keep(newest["eventCursor"])
            request = GraphQLRequest(CHANGES, variable_values={"after": self.cursor or None})
            async with aclosing(session.subscribe(request)) as events:
                async for event in events:
                    deal(event["orderStatusChanged"])
                    self.keep(event["orderStatusChanged"]["cursor"])

    async def run(self) -> None:
        while True:
            try:
                await self.watch()
            except TransportQueryError as error:
                self.heed(error)
            except (TransportError, TimeoutError) as error:
                # The server restarts (1012), we fell behind (1013), the network is gone: all the same to us.
                print(f"{error} ({error.__cause__})", file=sys.stderr)
            # Not all at once after a restart, and not ever faster while the server is away.
            await asyncio.sleep(min(30, 0.1 * 2**self.failures) * random.uniform(0.5, 1))
            self.failures = min(self.failures + 1, 10)

    def heed(self, error: TransportQueryError) -> None:
        """What the server says of why it tells no more."""
        told = error.errors[0].get("extensions", {})
        print(error, file=sys.stderr)
        match told.get("code"):
            case "RESYNC" | "UNAUTHENTICATED" if "cursor" in told:
                self.keep(told["cursor"])
            case "CURSOR_EXPIRED" | "INVALID_CURSOR":
                self.keep(None)
            case "RESYNC" | "UNAUTHENTICATED" | "INTERNAL_SERVER_ERROR":
                pass
            case _:
                # FORBIDDEN, or an operation that does not fit the schema: trying again changes nothing.
                sys.exit(1)


def connection(token: str | None = None) -> Client:
    """Notices by its own pings when the other side is gone."""
    payload = {"Authorization": f"Bearer {token}"} if token else {}
    protocols = [WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL]
    return Client(transport=WebsocketsTransport(URL, init_payload=payload, subprotocols=protocols))


async def main() -> None:
    watching = asyncio.create_task(Watcher().run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, watching.cancel)
    with suppress(asyncio.CancelledError):
        await watching


if __name__ == "__main__":
    asyncio.run(main())
