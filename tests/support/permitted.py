"""Permissions of every kind, for fields of every kind."""

import asyncio
from typing import Any

from graphql import GraphQLError
from strawberry.permission import BasePermission, PermissionExtension

from graph.context import Info


def number(source: Any) -> int:
    """What permissions go by: the number of a twig, the key of a leaf."""
    return source.n if hasattr(source, "n") else source.key


class Odd(BasePermission):
    message = "not odd"

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return number(source) % 3 != 0


class Later(BasePermission):
    message = "not yet"

    async def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        await asyncio.sleep(0)
        return number(source) % 4 != 0


class AtOnce(BasePermission):
    """Asynchronous, but it waits for nothing."""

    message = "not at once"

    async def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return number(source) % 5 != 0


class Vague(BasePermission):
    message = "vague"

    def has_permission(self, source: Any, info: Info, **_: Any) -> Any:
        return "yes"


class Promising(BasePermission):
    """What it answers can be awaited, though it is no coroutine function: refused where nothing is awaited."""

    message = "promised"

    def has_permission(self, source: Any, info: Info, **given: Any) -> Any:
        return Odd().has_permission(source, info) and Later().has_permission(source, info)


class Breaking(BasePermission):
    message = "broken"

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        if number(source) % 2:
            raise ValueError(f"broken {number(source)}")
        return number(source) % 4 != 0


class Telling(BasePermission):
    """Tells, in its error, all that it was given."""

    def has_permission(self, source: Any, info: Info, **given: Any) -> bool:
        told = {name: number(value) if value is source else value for name, value in given.items()}
        told |= {name: "info" for name, value in given.items() if isinstance(value, Info)}
        if number(source) % 2:
            raise ValueError(f"{number(source)} {sorted(told.items())} {info.field_name} {info.python_name}")
        return True


class Fitting(BasePermission):
    """Goes by an argument."""

    message = "too much"

    def has_permission(self, source: Any, info: Info, add: int = 0, **_: Any) -> bool:
        return number(source) % 3 != add % 3


class Own(GraphQLError):
    """An error of a permission's own class."""


class Ours(BasePermission):
    message = "ours"
    error_class = Own
    error_extensions = {"code": "OURS"}

    async def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return number(source) % 2 == 0


class Yielding(BasePermission):
    """Does not raise: what it answers in place of the field is the field's value."""

    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return number(source) % 2 == 0

    def on_unauthorized(self) -> Any:
        return None


class Refusing(BasePermission):
    def has_permission(self, source: Any, info: Info, **_: Any) -> bool:
        return number(source) % 2 == 0

    async def on_unauthorized(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        await asyncio.sleep(0)
        raise Own("refused later")


def silently(*permissions: type[BasePermission]) -> dict[str, Any]:
    """The keywords of a field that is null, or an empty list, where it is not permitted."""
    return {"extensions": [PermissionExtension([each() for each in permissions], fail_silently=True)]}
