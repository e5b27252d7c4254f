"""Ids and chance for the demo shop: everything that looks random comes from one seeded generator."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Dice:
    """A seeded generator with the few throws that the shop needs."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - the same shop each time is the point
        self.uniform = self._random.uniform

    def id(self, moment: datetime) -> UUID:
        """A UUIDv7 of a moment: ids sort by time, to the microsecond, as those made by PostgreSQL do."""
        milliseconds, microseconds = divmod((moment - _EPOCH) // _MICROSECOND, 1000)
        fraction = microseconds * 4096 // 1000
        number = milliseconds << 80 | 0x7000 << 64 | fraction << 64 | 0b10 << 62 | self._random.getrandbits(62)
        return UUID(int=number)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def number(self, low: int, high: int) -> int:
        """An integer from `low` up to and including `high`."""
        return low + int(self._random.random() * (high - low + 1))

    def one(self, things: Sequence[T], weights: Sequence[float] | None = None) -> T:
        if weights is None:
            return things[int(self._random.random() * len(things))]
        return self._random.choices(things, weights)[0]

    def one_cumulative(self, things: Sequence[T], cumulative: Sequence[float]) -> T:
        """As `one`, with running totals of the weights: faster where they stay the same."""
        return self._random.choices(things, cum_weights=cumulative)[0]

    def sample(self, things: Sequence[T], count: int) -> list[T]:
        """`count` different things."""
        return self._random.sample(things, count)

    def popularity(self) -> float:
        """A factor around 1; few things are very popular, many are a little less than average."""
        return self._random.lognormvariate(-0.3, 0.8)

    def moment(self, start: datetime, end: datetime) -> datetime:
        """Some moment from `start` on and before `end`."""
        return start + (end - start) * self._random.random()
