"""What was made at some expense and is kept for the next time, within bounds: strangers decide what that is."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The values that were used last, as many as there is room for."""

    def __init__(self, room: int) -> None:
        """`room` is how much there is, in the bytes that `put` is told of."""
        self._room = self._left = room
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()

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

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value of about so many bytes, unless there is no room at all for it.

        What was not used for the longest time makes way.
        """
        if size > self._room:
            return
        _, before = self._values.pop(key, (None, 0))
        self._values[key] = value, size
        self._left += before - size
        while self._left < 0:
            _, (_, freed) = self._values.popitem(last=False)
            self._left += freed

    def values(self) -> list[V]:
        """All of them, the one used last at the end."""
        return [value for value, _ in self._values.values()]
