"""Relay's Node: opaque global ids, and the declaration of a type that a domain model stands behind.

The objects that flow through the resolvers are the domain's own models: a GraphQL type declares which of their
attributes clients see, and nothing is copied. Own code rather than strawberry.relay, whose ids are made by a
resolver that needs the path of each object (docs/decisions/0003-graph-over-domain-models.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from domain.opaque import seal, unseal
from domain.refusals import Refused, bad_input
from graph.context import Context, Info
from graph.fields import computed
from graph.writing import written_by_key

T = TypeVar("T")

_NAMES: dict[type, str] = {}
_LOADERS: dict[str, str] = {}


def global_id(type_name: str, key: UUID) -> str:
    """The opaque id of a thing: its type and key in URL-safe base64."""
    return seal(f"{type_name}:{key!s}")


def parse_id(value: str, *path: str) -> tuple[str, UUID]:
    """The type and key behind a global id.

    Raises:
        Refused: BAD_INPUT at `path` where this is no id of ours.
    """
    try:
        type_name, key = unseal(value).split(":")
        return type_name, UUID(key)
    except ValueError:
        raise Refused(bad_input("This is not an id of this shop.", *path)) from None


def key_of(value: str, type_name: str, *path: str) -> UUID:
    """The key behind the global id of one type.

    Raises:
        Refused: BAD_INPUT at `path` where this is no id, or one of another type.
    """
    found, key = parse_id(value, *path)
    if found != type_name:
        raise Refused(bad_input(f"This is the id of something else; the id of type {type_name} is wanted.", *path))
    return key


def node_id(root: Any) -> str:
    """The global id of a thing."""
    return seal(f"{_NAMES[root.__class__]}:{root.id!s}")


@strawberry.interface(description="A thing with an id that is unique in the whole shop.")
class Node:
    """Whatever can be found again by its global id."""

    id: strawberry.ID = computed(strawberry.ID, node_id, "The opaque global id.")


@dataclass(frozen=True, slots=True)
class InstanceOf:
    """The test of a type whose objects are told by their class: `is_type_of`, in GraphQL's words."""

    model: type

    def __call__(self, obj: object, _info: object) -> bool:
        return isinstance(obj, self.model)


def object_type(model: type, description: str) -> Callable[[type[T]], type[T]]:
    """Declare a GraphQL type whose objects are instances of a domain model."""

    def declare(cls: type[T]) -> type[T]:
        setattr(cls, "is_type_of", InstanceOf(model))  # noqa: B010  (T does not have the attribute)
        return strawberry.type(cls, description=description)

    return declare


def node_type(model: type, loader: str, description: str) -> Callable[[type[T]], type[T]]:
    """Declare a Node: `loader` names the loader that finds it by key."""

    def declare(cls: type[T]) -> type[T]:
        _NAMES[model] = cls.__name__
        _LOADERS[cls.__name__] = loader
        return object_type(model, description)(cls)

    return declare


async def look_up(info: Info, value: str, type_name: str) -> Any:
    """The thing of one type that a global id names, written by the database where that is possible.

    None where it does not exist or the viewer may not see it.

    Raises:
        Refused: BAD_INPUT at `id` where this is no id, or one of another type.
    """
    key = key_of(value, type_name, "id")
    found = await written_by_key(info.context, info.target, [key]) if info.target is not None else None
    return found.get(key) if found is not None else await load_node(info.context, type_name, key)


def loader_of(type_name: str) -> str | None:
    """The name of the loader that finds things of a type by their keys."""
    return _LOADERS.get(type_name)


async def load_node(context: Context, type_name: str, key: UUID) -> Any:
    """The thing behind a parsed global id; None where it does not exist or the viewer may not see it."""
    loader = loader_of(type_name)
    return await getattr(context.loaders, loader).load(key) if loader else None
