"""A shop under test: runs operations through the real schema as whomever the test likes."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher as Argon2
from sqlalchemy import text
from support.log import settle
from support.waiting import PATIENCE, until

from app.access.hashing import Hashing
from app.access.passwords import LoneHasher
from app.wiring import Process
from db.engine import Database
from db.sales import fold
from db.schema import metadata
from domain.actor import Actor, Origin
from graph.context import Context
from graph.node import global_id
from graph.schema import ShopSchema, build_schema
from graph.writing import encoded

SCHEMA = build_schema()
if os.environ.get("ORDERWIRE_TEST_HOOKS"):
    # By hand: every test of an operation, with the library's hooks in place of the direct way (graph/direct.py).
    SCHEMA.direct = None
CONTRACT = Path(__file__).parents[3] / "shared" / "contract"


@dataclass(frozen=True)
class Answer:
    """What an operation answered."""

    data: Any
    errors: list[dict[str, Any]]
    statements: int
    cost: dict[str, Any]


def sent(data: Any) -> Any:
    """Data as a client has it."""
    return orjson.loads(encoded(data))


class Shop:
    """The services of a process, and shortcuts to use them."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.schema: ShopSchema = SCHEMA
        self.address = "192.0.2.1"
        """The network address that operations come from."""
        self.takes_json = True
        """Whether parts of answers may be written by the database, as for all clients."""

    @property
    def database(self) -> Database:
        return self.process.database

    def context(self, actor: Actor | None = None) -> Context:
        origin = Origin("test-request", self.address)
        return Context(self.process.services, actor or Actor.anonymous(), origin, takes_json=self.takes_json)

    async def run(self, query: str, actor: Actor | None = None, **variables: Any) -> Answer:
        """Run an operation and return all of its answer."""
        result = await self.schema.execute(query, variables, context_value=self.context(actor))
        errors = [error.formatted for error in result.errors or []]
        told = result.extensions or {}
        return Answer(sent(result.data), errors, told.get("statements", 0), told.get("cost", {}))

    async def get(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        """Run an operation that must not fail and return its data."""
        answer = await self.run(query, actor, **variables)
        assert answer.errors == []
        return answer.data

    async def learn(self, query: str, actor: Actor | None = None, **variables: Any) -> None:
        """Run an operation until its document is known: what comes once is forgotten."""
        for _ in range(2):
            await self.get(query, actor, **variables)

    def held_to(self, **services: Any) -> "Shop":
        """The same shop, with other limits: `limits` by name, and budgets or turns as they are."""
        limits = replace(self.process.services.limits, **services.pop("limits", {}))
        return Shop(replace(self.process, services=replace(self.process.services, limits=limits, **services)))

    async def watch(self, query: str, actor: Actor | None = None, **variables: Any) -> AsyncGenerator[Any]:
        """Run a subscription and yield each result."""
        stream: Any = await self.schema.subscribe(query, variables, context_value=self.context(actor))
        async with aclosing(stream):
            async for result in stream:
                result.data = sent(result.data)
                yield result

    @asynccontextmanager
    async def watching(self, query: str, actor: Actor | None = None, **variables: Any) -> AsyncGenerator["Watch"]:
        """Run a subscription, and go on once it hears what happens from now on."""
        known = len(self.process.services.streams)
        async with aclosing(self.watch(query, actor, **variables)) as stream:
            watch = Watch(stream)

            async def is_known() -> bool:
                return len(self.process.services.streams) > known or watch.first.done()

            await until(is_known)
            try:
                yield watch
            finally:
                watch.first.cancel()
                await asyncio.wait([watch.first])

    async def counts(self) -> dict[str, int]:
        """The number of rows of every table: equal before and after what must not change anything."""
        await settle(self.database)
        await fold(self.database)
        query = "SELECT '{0}' AS name, count(*) FROM {0}"
        tables = (query.format(table.name) for table in metadata.sorted_tables)
        return dict(await self.database.read(text(" UNION ALL ".join(tables))))

    async def contents(self) -> dict[str, list[str]]:
        """Every row of every table, as text: equal before and after what must leave no trace."""
        tables = [table.name for table in metadata.sorted_tables]
        await settle(self.database)
        await fold(self.database)
        rows = [await self.database.read(text(f"SELECT t::text AS row FROM {name} t ORDER BY 1")) for name in tables]
        return {name: [row.row for row in found] for name, found in zip(tables, rows, strict=True)}

    async def scalar(self, query: str, **parameters: Any) -> Any:
        """The one value that an SQL statement finds."""
        return (await self.database.read(text(query), parameters))[0][0]


class Watch:
    """The results of a subscription, one by one; each must come within a minute."""

    def __init__(self, stream: AsyncGenerator[Any]) -> None:
        self._stream = stream
        self.first = asyncio.ensure_future(anext(stream))
        self._is_first = True

    async def result(self) -> Any:
        """The next result, whatever it is."""
        async with asyncio.timeout(PATIENCE):
            if self._is_first:
                self._is_first = False
                return await self.first
            return await anext(self._stream)

    async def next(self) -> Any:
        """The data of the next result, which must have no errors."""
        result = await self.result()
        assert not result.errors
        return result.data


def with_quick_passwords(process: Process) -> Process:
    """The process with passwords that cost nothing to check: what they cost in earnest is tested where it matters."""
    cheapest = PasswordHash((Argon2(time_cost=1, memory_cost=8, parallelism=1),))
    return replace(process, services=replace(process.services, hasher=LoneHasher(Hashing(cheapest))))


def order_id(key: UUID) -> str:
    return global_id("Order", key)
