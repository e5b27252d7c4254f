"""What loaders read, and how often, when several levels of an operation ask for the same at different times."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from support.waiting import until

from domain.actor import Actor
from graph.loaders import One


class Slow:
    """A reader that answers when it may: ten times each key, or an error."""

    def __init__(self) -> None:
        self.asked: list[Sequence[int]] = []
        self.is_broken = False
        self._may_answer = asyncio.Event()

    async def read(self, _viewer: Actor, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(keys)
        await self._may_answer.wait()
        if self.is_broken:
            raise LookupError
        return {key: 10 * key for key in keys}

    def answer(self) -> None:
        self._may_answer.set()


async def test_what_is_being_read_is_waited_for_and_not_read_again():
    slow = Slow()
    loader = One(slow.read, Actor.anonymous())

    first = loader.load_all([1, 2])
    await until(lambda: slow.asked == [[1, 2]])
    second, one = loader.load_all([2, 3, None]), loader.load(1)
    await until(lambda: slow.asked == [[1, 2], [3]])
    slow.answer()

    assert (await first, await second, await one) == ([10, 20], [20, 30, None], 10)
    assert await loader.load_all([3, 1]) == [30, 10]
    assert slow.asked == [[1, 2], [3]]


async def test_whoever_waits_for_a_read_that_fails_is_told_and_the_next_reads_again():
    slow = Slow()
    loader, slow.is_broken = One(slow.read, Actor.anonymous()), True

    first = loader.load_all([1, 2])
    await until(lambda: slow.asked == [[1, 2]])
    second = loader.load_all([2])
    await until(lambda: not loader._queue)
    slow.answer()
    for each in (first, second):
        with pytest.raises(LookupError):
            await each
    slow.is_broken = False

    assert await loader.load_all([2]) == [20]
    assert slow.asked == [[1, 2], [2]]
