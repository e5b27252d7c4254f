"""Shadow mode: a share of queries is executed by graphql-core too, after they were answered, and compared."""

import asyncio
import random
from typing import Any

import structlog
from graphql import parse
from strawberry.types.execution import PreExecutionError

from graph.context import Context
from graph.execution.shadow import query_in, shadowed
from graph.schema import ShopSchema

log = structlog.get_logger("orderwire.shadow")

AT_ONCE = 4
"""How many are compared at once; one more is let pass. They take turns with requests for the same process."""


class Shadows:
    """The comparisons of one process."""

    def __init__(self, schema: ShopSchema, share: float) -> None:
        """`share` is between 0, which compares nothing, and 1."""
        self.compared = 0
        self.differences = 0
        self._schema = schema
        # What graphql-core has answered needs no second answer by it.
        self._share = share if schema.operations is not None else 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def choose(self, result: Any) -> bool:
        """Whether what was answered with a result is to be compared."""
        if not self._share or isinstance(result, PreExecutionError) or len(self._tasks) >= AT_ONCE:
            return False
        return random.random() < self._share  # noqa: S311  (dice, and no secret)

    async def begin(
        self, query: str, name: str | None, variables: dict[str, Any] | None, context: Context, result: Any
    ) -> None:
        """Begin to compare; nobody waits for it."""
        task = asyncio.create_task(self._compare(query, name, variables, context, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _compare(
        self, query: str, name: str | None, variables: dict[str, Any] | None, context: Context, result: Any
    ) -> None:
        # Parsed anew: what is kept of documents is a part of what is compared.
        document = parse(query)
        operation = query_in(document, name)
        if operation is None:
            return
        called = operation.name.value if operation.name else None
        # The statements of the request were counted.
        context.services.count_statements()
        try:
            async with asyncio.timeout(context.services.limits.report_seconds):
                found = await shadowed(self._schema.graphql_schema, document, name, variables, context, result)
        except Exception as error:
            # Its message may hold what was asked for.
            log.warning("shadow_failed", operation=called, error=type(error).__name__)
            return
        self.compared += 1
        if found is not None:
            self.differences += 1
            told = {"differences": self.differences, "compared": self.compared}
            log.warning("shadow_differs", operation=called, found=found.value, **told)
