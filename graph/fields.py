"""Fields that are more than an attribute of their parent: relations, which are declared, and computed ones.

A relation says which attribute of the parent is the key and which loader knows what belongs to it. GraphQL's
executor asks it parent by parent (`one`); an executor that walks breadth-first can ask it for all the parents of
a level at once (`many`), for the declaration is kept in the field's metadata under RELATION.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry

from graph.context import Context, Info

RELATION = "relation"


@dataclass(frozen=True, slots=True)
class Relation:
    """From the `key` attribute of a parent to what `loader` (a name in graph/loaders.py) finds under it."""

    loader: str
    key: str

    async def one(self, parent: Any, context: Context) -> Any:
        """What belongs to one parent; None where the parent has no key."""
        key = getattr(parent, self.key)
        if key is None:
            return None
        # Shielded: the future is shared by all who ask for this key, and an executor that gives up one branch of
        # an operation cancels what that branch waits for.
        return await asyncio.shield(getattr(context.loaders, self.loader).load(key))

    async def many(self, parents: Sequence[Any], context: Context) -> list[Any]:
        """What belongs to each parent, in their order, by one call of the loader."""
        keys = [getattr(parent, self.key) for parent in parents]
        wanted = list(dict.fromkeys(key for key in keys if key is not None))
        found = dict(zip(wanted, await getattr(context.loaders, self.loader).load_many(wanted), strict=True))
        return [None if key is None else found[key] for key in keys]


def relation(graphql_type: Any, loader: str, key: str, description: str) -> Any:
    """Declare a field that follows a relation; `graphql_type` is what it is in the schema."""
    declared = Relation(loader, key)

    async def resolve(root: Any, info: Info) -> Any:
        return await declared.one(root, info.context)

    return strawberry.field(
        resolver=resolve,
        graphql_type=graphql_type,
        description=description,
        metadata={RELATION: declared},
    )


def computed(graphql_type: Any, resolver: Callable[..., Any], description: str) -> Any:
    """Declare a field that a function makes of its parent; `graphql_type` is what it is in the schema."""
    return strawberry.field(resolver=resolver, graphql_type=graphql_type, description=description)
