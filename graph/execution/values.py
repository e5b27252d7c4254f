"""Where the values of a field come from: attributes, functions of one parent, and functions of all parents."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from strawberry.types.fields.resolver import StrawberryResolver

from graph.execution.arguments import Arguments, InfoOf, parameters_of
from graph.execution.complete import attributes, called
from graph.execution.plan import Alone, Field, Values
from graph.fields import Batch, Relation

if TYPE_CHECKING:
    from graph.execution.run import Run


def attribute(name: str) -> Values:
    """An attribute of each object."""
    read = attrgetter(name)

    def values(objects: Sequence[Any], _run: object) -> list[Any]:
        try:
            return list(map(read, objects))
        except Exception:
            return attributes(objects, name)

    return values


def plain(function: Callable[[Any], Any]) -> Values:
    """What a function makes of each object, at once."""

    def values(objects: Sequence[Any], _run: object) -> list[Any]:
        try:
            return list(map(function, objects))
        except Exception:
            return called(function, objects)

    return values


def itself(objects: Sequence[Any], _run: object) -> list[Any]:
    """The object itself: a subscription's root field shows the event that it is executed for."""
    return list(objects)


def related(relation: Relation) -> Values:
    """What a loader finds for each object."""

    def values(objects: Sequence[Any], run: "Run") -> list[Any] | Awaitable[Sequence[Any]]:
        try:
            return relation.follow(objects, run.executor.context_value)
        except Exception as error:
            return [error] * len(objects)

    return values


def batched(
    field: Field, batch: Batch, resolver: StrawberryResolver[Any], info: InfoOf, arguments: Arguments
) -> Values:
    """What a function tells of all objects at once; `resolver` asks it for one."""
    _, info_name = parameters_of(resolver)

    async def values(objects: Sequence[Any], run: "Run") -> Sequence[Any]:
        told = {info_name: run.once(info)} if info_name is not None else {}
        found = await batch(objects, **run.once(arguments), **told)
        if len(found) != len(objects):
            raise TypeError(f"{field.parent}.{field.name} was to answer for {len(objects)} parents, not {len(found)}.")
        return found

    return values


def resolved(resolver: StrawberryResolver[Any], info: InfoOf, given: Arguments) -> Values:
    """What a resolver tells of each object, called as Strawberry does."""
    function = cast("Callable[..., Any]", resolver.wrapped_func)
    parents, info_name = parameters_of(resolver)
    # Most resolvers take the parent first: it need not be put into the arguments of each call.
    is_first = resolver.self_parameter is not None or parents[:1] == list(resolver.signature.parameters)[:1] != []
    by_name = parents if resolver.self_parameter is not None else parents[is_first:]

    def values(objects: Sequence[Any], run: "Run") -> list[Any] | Awaitable[list[Any]] | Alone:
        try:
            arguments = dict(run.once(given))
        except Exception as error:
            return [error] * len(objects)
        if info_name is not None:
            arguments[info_name] = run.once(info)
        found: list[Any] = []
        for each in objects:
            for parent in by_name:
                arguments[parent] = each
            try:
                found.append(function(each, **arguments) if is_first else function(**arguments))
            except Exception as error:
                found.append(error)
        return _under_way(found)

    return values


def by_strawberry(field: Field, given: Arguments) -> Values:
    """What Strawberry's own resolver tells of each object: extensions are its business."""
    resolve: Callable[..., Any] = field.definition.resolve or _unresolved

    def values(objects: Sequence[Any], run: "Run") -> list[Any] | Awaitable[list[Any]] | Alone:
        try:
            arguments = given(run)
        except Exception as error:
            return [error] * len(objects)
        info = run.info(field)
        return _under_way(called(lambda each: resolve(each, info, **arguments), objects))

    return values


def _under_way(found: list[Any]) -> list[Any] | Awaitable[list[Any]] | Alone:
    """The values; an awaitable of all where they are coroutines."""
    classes = {*map(type, found)}
    if CoroutineType not in classes:
        return found
    if len(found) == 1:
        # Without the machinery for many.
        return Alone(found[0])
    if len(classes) == 1:
        return asyncio.gather(*found, return_exceptions=True)
    # Among others, each goes its own way.
    return found


def _unresolved(*_: Any, **__: Any) -> None:
    raise TypeError("The field has no resolver.")
