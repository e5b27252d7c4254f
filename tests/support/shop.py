"""A shop under test: runs operations through the real schema as whomever the test likes."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from app.wiring import Process
from db.engine import Database
from domain.actor import Actor
from graph.context import Context
from graph.node import global_id
from graph.schema import ShopSchema, build_schema

SCHEMA = build_schema()
CONTRACT = Path(__file__).parents[3] / "shared" / "contract"


@dataclass(frozen=True)
class Answer:
    """What an operation answered."""

    data: Any
    errors: list[dict[str, Any]]
    statements: int


class Shop:
    """The services of a process, and shortcuts to use them."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.schema: ShopSchema = SCHEMA

    @property
    def database(self) -> Database:
        return self.process.database

    def context(self, actor: Actor | None = None) -> Context:
        return Context(self.process.services, actor or Actor.anonymous(), "test-request")

    async def run(self, query: str, actor: Actor | None = None, **variables: Any) -> Answer:
        """Run an operation and return all of its answer."""
        result = await self.schema.execute(query, variables, context_value=self.context(actor))
        errors = [error.formatted for error in result.errors or []]
        return Answer(result.data, errors, (result.extensions or {}).get("statements", 0))

    async def get(self, query: str, actor: Actor | None = None, **variables: Any) -> Any:
        """Run an operation that must not fail and return its data."""
        answer = await self.run(query, actor, **variables)
        assert answer.errors == []
        return answer.data

    async def watch(self, query: str, actor: Actor | None = None, **variables: Any) -> AsyncGenerator[Any]:
        """Run a subscription and yield each result."""
        stream = await self.schema.subscribe(query, variables, context_value=self.context(actor))
        async for result in stream:  # pyright: ignore
            yield result


def order_id(key: UUID) -> str:
    return global_id("Order", key)
