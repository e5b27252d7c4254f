"""Clients that place orders and approve them, and ask again until they are answered, as a client must."""

import asyncio
import random
from collections.abc import Sequence
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

import httpx
from support.cluster import Api

from domain.opaque import unseal

PLACE = "mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { order { id } userErrors { code } } }"
APPROVE = "mutation ($input: OrderApproveInput!) { orderApprove(input: $input) { order { id } userErrors { code } } }"
CANCEL = "mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { id } userErrors { code } } }"
PATIENCE = 10.0
"""Seconds that a client waits for an answer."""
IMPATIENT = 0.1
"""The part of all requests that is given up at once, and then asked again."""


class Shopper:
    """Places an order and approves it, again and again.

    `placed` and `approved` are the keys of what was answered with success.
    """

    def __init__(self, apis: Sequence[Api], token: str, seed: int) -> None:
        self.placed: list[UUID] = []
        self.approved: list[UUID] = []
        self.retries = 0
        self._dice = random.Random(seed)
        first = seed % len(apis)
        self._urls = cycle([api.url for api in (*apis[first:], *apis[:first])])
        self._url = next(self._urls)
        self._client = httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False, verify=False)

    async def shop(self, notes: str, over: asyncio.Event) -> None:
        while not over.is_set():
            order = await self.place(notes)
            self.approved.append(_key(await self._ask(APPROVE, id=order)))
            await asyncio.sleep(0.05 * self._dice.random())

    async def place(self, notes: str) -> str:
        """The global id of a new order."""
        lines = [{"sku": self._dice.choice(("MUG", "CUP", "JUG")), "quantity": 1}]
        order = await self._ask(PLACE, lines=lines, notes=notes)
        self.placed.append(_key(order))
        return order

    async def cancel(self, order: str, reason: str) -> None:
        await self._ask(CANCEL, id=order, reason=reason)

    async def leave(self) -> None:
        await self._client.aclose()

    async def _ask(self, query: str, **given: Any) -> str:
        """The id in the answer; until there is one, the same is asked of the servers in turn, with the same key."""
        key = str(uuid4())
        body = {"query": query, "variables": {"input": {**given, "idempotencyKey": key}}}
        while (answer := await self._answer(body)) is None:
            self.retries += 1
            self._url = next(self._urls)
            await asyncio.sleep(0.1 * self._dice.random())
        [payload] = answer.values()
        assert payload["userErrors"] == []
        return payload["order"]["id"]

    async def _answer(self, body: dict[str, Any]) -> Any:
        """The data of an answer; None where there is none, or a fault."""
        # Now and then a client has no patience: what it asked for may have happened all the same.
        patience = 0.01 if self._dice.random() < IMPATIENT else PATIENCE
        try:
            answer = (await self._client.post(self._url, json=body, timeout=patience)).json()
        except (httpx.TransportError, ValueError):
            return None
        return None if answer.get("errors") else answer["data"]


def _key(global_id: str) -> UUID:
    """The key in a global id."""
    return UUID(unseal(global_id).split(":")[-1])
