"""What was made at some expense and is kept for the next time, within bounds: strangers decide what that is."""

from array import array
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MARKS = 8192
"""How many things a doorkeeper remembers, in eight bytes each."""


class Doorkeeper:
    """Tells who comes again from who comes for the first time, in memory that does not grow.

    The idea and the name are those of TinyLFU (https://arxiv.org/abs/1512.00727). Of each thing stays a mark, in the
    place that the mark says, until that of another takes its place: after as many others as there are marks, nearly two
    of three are forgotten.
    """

    def __init__(self, marks: int = MARKS) -> None:
        """`marks` is how many are remembered at the most."""
        self._marks = array("q", [0]) * marks

    def knows(self, key: Hashable) -> bool:
        """Whether it was here before, as far as that is remembered. From now on it was."""
        mark = hash(key)
        place = mark % len(self._marks)
        is_known = self._marks[place] == mark
        self._marks[place] = mark
        return is_known


class Kept(Generic[K, V]):
    """The values that were used last, as many as there is room for; none that was made only once.

    Most of what strangers send is either sent all the time or never again. What was made for the first time is
    therefore forgotten, so that it neither takes room nor pushes out what is used.
    """

    def __init__(self, room: int) -> None:
        """`room` is how much there is, in the bytes that `put` is told of."""
        self._room = self._left = room
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._door = Doorkeeper()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def get(self, key: K) -> V | None:
        """The value, which is then the one that was used last; None where it is not kept."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int, *, at_once: bool = False) -> bool:
        """Keep a value of about so many bytes if it was made before, or `at_once`; whether it is kept.

        What was not used for the longest time makes way. What there is no room for at all is not kept.
        """
        before = self._values.pop(key, None)
        if before is not None:
            self._left += before[1]
        if size > self._room or not (before or at_once or self._door.knows(key)):
            return False
        self._values[key] = value, size
        self._left -= size
        while self._left < 0:
            _, (_, freed) = self._values.popitem(last=False)
            self._left += freed
        return True

    def values(self) -> list[V]:
        """All of them, the one used last at the end."""
        return [value for value, _ in self._values.values()]
