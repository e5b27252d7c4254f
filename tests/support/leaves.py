"""Things behind loaders, for the schema of every construct."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from graph.loaders import Many, One


@dataclass
class Leaf:
    """What stands behind a type whose objects are told by their class."""

    key: Any
    label: Any
    amount: Any
    price: Any
    moment: Any
    hidden: Any
    twig: Any


class Loaders:
    """Reads leaves by key, slowly, and counts how often."""

    def __init__(self, leaves: Mapping[int, Leaf]) -> None:
        self.reads = 0

        async def one(_viewer: Actor, keys: Sequence[int]) -> Mapping[int, Leaf]:
            self.reads += 1
            for _ in range(20):
                await asyncio.sleep(0)
            return {key: leaves[key] for key in keys if key in leaves}

        async def many(_viewer: Actor, keys: Sequence[int]) -> Mapping[int, Sequence[Leaf]]:
            return {key: [leaf] * (key % 3) for key, leaf in (await one(_viewer, keys)).items()}

        self.leaf = One(one, Actor.anonymous())
        self.leaves = Many(many, Actor.anonymous())
