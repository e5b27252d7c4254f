"""Time in the demo shop: what is planned happens in order, and what lies in the future never does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush

Act = Callable[[datetime], None]

_TICK = timedelta(microseconds=1)


class Timeline:
    """Acts that are planned for a moment. An act may plan others."""

    def __init__(self, end: datetime) -> None:
        self._end = end
        # The number of an act decides between two of the same moment, since acts cannot be compared.
        self._planned: list[tuple[datetime, int, Act]] = []
        self._count = 0

    def plan(self, moment: datetime, act: Act) -> None:
        self._count += 1
        heappush(self._planned, (moment, self._count, act))

    def run(self) -> None:
        """Let everything before the end happen, each act at a moment of its own."""
        previous = None
        while self._planned:
            moment, _, act = heappop(self._planned)
            if previous is not None and moment <= previous:
                moment = previous + _TICK
            if moment >= self._end:
                return
            previous = moment
            act(moment)
