"""Fields that are more than an attribute of their parent: edges, which are declared, and computed ones.

An edge is one function that answers for many parents at once, in their order. GraphQL's own executor asks it parent by
parent, and the loaders put together what it asks for; the compiled one (graph/execution/) asks it once for all parents
of a level. Both find it in the field's metadata, under BATCH. Under RELATION stands an edge that does nothing but
follow a loader, and under PLAIN the function of a field that is computed of its parent alone. ITEM marks a field whose
things may come written: the items of a page, and what is looked up by its id.

What else Strawberry lets a field declare, its permissions say, is declared by the same keywords.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import Parameter, iscoroutinefunction, signature
from operator import attrgetter
from typing import Any

import strawberry

from graph.context import Context, Info

BATCH = "batch"
RELATION = "relation"
PLAIN = "plain"
ITEM = "item"

Batch = Callable[..., Awaitable[Sequence[Any]]]
"""From parents, and what a resolver may take besides its own, to what belongs to each parent."""


class Relation:
    """An edge that a loader (a name in graph/loaders.py) follows from an attribute of each parent."""

    def __init__(self, loader: str, key: str) -> None:
        self.loader, self.key = loader, key
        self._loader_of, self._key_of = attrgetter(loader), attrgetter(key)

    def follow(self, roots: Sequence[Any], context: Context) -> Awaitable[Sequence[Any]]:
        """What belongs to each parent."""
        return self._loader_of(context.loaders).load_all(list(map(self._key_of, roots)))


def relation(graphql_type: Any, loader: str, key: str, description: str, **declared: Any) -> Any:
    """Declare what a loader (a name in graph/loaders.py) finds under the `key` attribute of each parent."""
    edge = Relation(loader, key)

    async def follow(roots: Sequence[Any], info: Info) -> Sequence[Any]:
        return await edge.follow(roots, info.context)

    return batched(graphql_type, follow, description, {RELATION: edge}, **declared)


def batched(
    graphql_type: Any, batch: Batch, description: str, metadata: Mapping[str, Any] | None = None, **declared: Any
) -> Any:
    """Declare a field that a function answers for many parents at once: an edge that takes arguments, say.

    The function is written as a resolver is, but for its first parameter, which takes all the parents.
    """

    async def resolve(root: Any, **given: Any) -> Any:
        return (await batch([root], **given))[0]

    # What Strawberry reads the arguments of the field from.
    _, *others = signature(batch).parameters.values()
    root = Parameter("root", Parameter.POSITIONAL_OR_KEYWORD)
    setattr(resolve, "__signature__", signature(batch).replace(parameters=[root, *others]))  # noqa: B010
    resolve.__module__ = batch.__module__
    return strawberry.field(
        resolver=resolve,
        graphql_type=graphql_type,
        description=description,
        metadata={BATCH: batch, **(metadata or {})},
        **declared,
    )


def computed(
    graphql_type: Any,
    resolver: Callable[..., Any],
    description: str,
    metadata: Mapping[str, Any] | None = None,
    **declared: Any,
) -> Any:
    """Declare a field that a function makes of its parent; `graphql_type` is what it is in the schema.

    Where it takes nothing but the parent and is no coroutine, the function does nothing else: it may be called again,
    or once for several places at which the same parent stands.
    """
    is_plain = len(signature(resolver).parameters) == 1 and not iscoroutinefunction(resolver)
    return strawberry.field(
        resolver=resolver,
        graphql_type=graphql_type,
        description=description,
        metadata={**({PLAIN: resolver} if is_plain else {}), **(metadata or {})},
        **declared,
    )
