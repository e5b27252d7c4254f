"""Readers that fail, refuse and hide."""

import random
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from domain.refusals import Refused, bad_input
from graph.readers import Readers


class Faulty:
    """A reader that, by the dice of a seed, fails, refuses or hides. What it does to a key, it does each time."""

    def __init__(self, reader: Any, seed: int, chance: float) -> None:
        self._reader, self._seed, self._chance = reader, seed, chance

    def __getattr__(self, name: str) -> Any:
        read = getattr(self._reader, name)

        def unlucky(what: object) -> bool:
            return random.Random(f"{self._seed}{type(self._reader).__name__}{name}{what}").random() < self._chance

        async def faulty(*given: Any) -> Any:
            if unlucky("fails"):
                raise RuntimeError(name)
            if unlucky("refuses"):
                raise Refused(bad_input("Not today.", name))
            found = await read(*given)
            if isinstance(found, Mapping):
                return {key: value for key, value in found.items() if not unlucky(key)}
            return found

        return faulty


def faulty(readers: Readers, seed: int, chance: float) -> Readers:
    """The readers of a shop, each of them faulty."""
    return Readers(**{each.name: Faulty(getattr(readers, each.name), seed, chance) for each in fields(readers)})
