"""Input as resolvers take it, made of what graphql-core has coerced, by the rules of Strawberry.

A converter is made once for each argument. Strawberry itself asks for the name and the type of each field of an input
object each time that one is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cached_property
from typing import Any, cast

import strawberry
from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, get_object_definition
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Convert = Callable[[Any], Any]


def converter(schema: strawberry.Schema, kind: Any) -> Convert:
    """What makes a value of a type what a resolver takes."""
    scalars, config = schema.schema_converter.scalar_registry, schema.config
    if isinstance(kind, LazyType):
        return converter(schema, cast("LazyType[Any, Any]", kind).resolve_type())
    if isinstance(kind, StrawberryOptional) and not isinstance(kind, StrawberryMaybe):
        return converter(schema, kind.of_type)
    if isinstance(kind, StrawberryList):
        return _List(converter(schema, kind.of_type))
    is_leaf = isinstance(kind, StrawberryEnumDefinition) or has_enum_definition(kind) or is_scalar(kind, scalars)
    if is_leaf and kind is not GlobalID:
        return _itself
    definition = get_object_definition(kind)
    if definition is not None and definition.is_input and definition.from_input is None:
        return _Object(schema, kind, definition.fields)
    return lambda value: convert_argument(value, kind, scalars, config)


def _itself(value: Any) -> Any:
    return value


class _List:
    """Lists are copied: what stands for one that is not given is the same for all requests."""

    def __init__(self, each: Convert) -> None:
        self._each = each

    def __call__(self, values: Any) -> Any:
        if values is None or values is UNSET:
            return values
        return list(values) if self._each is _itself else [self._each(value) for value in values]


class _Object:
    """Input objects; what they are made of is looked up when the first one is given, for they may hold one another."""

    def __init__(self, schema: strawberry.Schema, kind: Any, fields: list[StrawberryField]) -> None:
        self._schema, self._kind, self._declared = schema, kind, fields

    def __call__(self, value: Mapping[str, Any] | None) -> Any:
        if value is None or value is UNSET:
            return value
        given = self._empty.copy()
        for name, python_name, convert in self._fields:
            if name in value:
                given[python_name] = convert(value[name])
        return self._kind(**given)

    @cached_property
    def _empty(self) -> dict[str, Any]:
        """What is left out and has no default."""
        declared = cast("list[Any]", self._declared)
        without = (each for each in declared if each.default_value is MISSING and each.default_factory is MISSING)
        return {each.python_name: None for each in without}

    @cached_property
    def _fields(self) -> list[tuple[str, str, Convert]]:
        names, definition = self._schema.config.name_converter, get_object_definition(self._kind, strict=True)
        return [
            (
                names.from_field(each),
                each.python_name,
                converter(self._schema, each.resolve_type(type_definition=definition)),
            )
            for each in self._declared
        ]
