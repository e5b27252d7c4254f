"""Look-ups of one thing each: which go together, who is told what, and what of them counts."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from uuid import UUID

import pytest
from support.waiting import PATIENCE

from db.engine import count_statements
from db.look_ups import MOST, LookUps

EMPTY = UUID(int=0)
"""What belongs to no key."""

operation = ContextVar("operation", default="nobody's")


class Shelf:
    """Where things are found, each under its number, once it is open."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[int]]] = []
        self.seen: list[str] = []
        self.given_up = 0
        self.opened = asyncio.Event()
        self.error: Exception | None = None
        self.look_ups = LookUps(self._find)

    async def _find(self, kind: str, keys: Sequence[UUID]) -> Mapping[UUID, str]:
        self.asked.append((kind, [key.int for key in keys]))
        self.seen.append(operation.get())
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error is not None:
            raise self.error
        return {key: f"{kind} {key.int}" for key in keys if key != EMPTY}

    def find(self, number: int, kind: str = "order") -> asyncio.Task[str | None]:
        return asyncio.create_task(self.look_ups.find(kind, UUID(int=number)))

    async def begun(self) -> None:
        """Let what was asked for go."""
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


async def test_what_is_asked_for_in_one_turn_goes_together_and_each_is_told_its_own(shelf: Shelf):
    shelf.opened.set()

    found = await asyncio.gather(*map(shelf.find, (3, 1, 3, 0, 2)))

    assert found == ["order 3", "order 1", "order 3", None, "order 2"]
    assert shelf.asked == [("order", [3, 1, 0, 2])]


async def test_what_comes_later_waits_for_nobody(shelf: Shelf):
    first = shelf.find(1)
    await shelf.begun()
    second = shelf.find(2)
    await shelf.begun()
    shelf.opened.set()

    assert [await first, await second] == ["order 1", "order 2"]
    assert shelf.asked == [("order", [1]), ("order", [2])]


async def test_what_another_statement_finds_goes_by_itself(shelf: Shelf):
    shelf.opened.set()

    found = await asyncio.gather(shelf.find(1), shelf.find(1, "user"), shelf.find(2), shelf.find(2, "user"))

    assert found == ["order 1", "user 1", "order 2", "user 2"]
    assert shelf.asked == [("order", [1, 2]), ("user", [1, 2])]


async def test_so_many_go_together_and_no_more(shelf: Shelf):
    shelf.opened.set()
    numbers = range(1, 2 * MOST + 2)

    assert await asyncio.gather(*map(shelf.find, numbers)) == [f"order {number}" for number in numbers]
    assert [len(keys) for _, keys in shelf.asked] == [MOST, MOST, 1]


async def test_a_failure_is_told_to_all_who_went_together_and_to_nobody_after_them(shelf: Shelf):
    shelf.error = LookupError("The shelf is down.")
    shelf.opened.set()

    assert await asyncio.gather(shelf.find(1), shelf.find(2), return_exceptions=True) == [shelf.error, shelf.error]

    shelf.error = None
    assert await shelf.find(1) == "order 1"


async def test_who_gives_up_leaves_the_others_alone(shelf: Shelf):
    leaving, staying = shelf.find(1), shelf.find(2)
    await shelf.begun()
    leaving.cancel()
    await asyncio.wait([leaving])
    shelf.opened.set()

    async with asyncio.timeout(PATIENCE):
        assert await staying == "order 2"
    assert leaving.cancelled()
    assert shelf.given_up == 0


async def test_what_nobody_waits_for_any_more_is_given_up(shelf: Shelf):
    leaving = [shelf.find(1), shelf.find(2)]
    await shelf.begun()
    for each in leaving:
        each.cancel()
    await asyncio.wait(leaving)
    await shelf.begun()

    assert shelf.given_up == 1


async def test_what_was_given_up_before_it_went_is_not_sent(shelf: Shelf):
    leaving = shelf.find(1)
    await asyncio.sleep(0)
    leaving.cancel()
    await shelf.begun()

    assert leaving.cancelled()
    assert shelf.asked == []


async def test_a_statement_counts_once_for_each_operation_and_belongs_to_none(shelf: Shelf):
    shelf.opened.set()

    async def execute(name: str, *numbers: int) -> int:
        operation.set(name)
        count = count_statements()
        await asyncio.gather(*map(shelf.find, numbers))
        return count.value

    assert await asyncio.gather(execute("first", 1, 2), execute("second", 3)) == [1, 1]
    assert shelf.asked == [("order", [1, 2, 3])]
    assert shelf.seen == ["nobody's"]
