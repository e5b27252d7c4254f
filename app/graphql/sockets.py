"""The sockets of one process: what all of them share, and how many each caller has."""

import asyncio
from collections import Counter
from collections.abc import Coroutine

from app.graphql.documents import Documents
from app.settings import Settings
from graph.context import Services
from graph.schema import ShopSchema


class Sockets:
    """What every conversation may reach."""

    def __init__(self, schema: ShopSchema, documents: Documents, services: Services, settings: Settings) -> None:
        self.schema, self.documents, self.services, self.settings = schema, documents, services, settings
        self._callers: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many sockets there are."""
        return self._callers.total()

    def enter(self, caller: str) -> bool:
        """Count one more socket of a caller; whether that is within the bound."""
        self._callers[caller] += 1
        return self._callers[caller] <= self.settings.sockets_per_caller

    def leave(self, caller: str) -> None:
        """Count one less."""
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run something beside; the event loop itself would hold it too loosely."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Wait for what is being ended, which its sockets have told to."""
        if self._tasks:
            await asyncio.wait(self._tasks)
