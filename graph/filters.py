"""Filters: which comparisons each kind of field allows, and how an input becomes the domain's filters."""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import strawberry

from domain.reading import Compare, Filters
from domain.refusals import Refused, bad_input
from graph.node import key_of, parse_id

E = TypeVar("E", bound=StrEnum)

IN_MAX = 200

ROLES = {"actor": "User"}
"""The type behind a field that is named after the role that a thing plays."""

ANY_TYPE = "aggregate"
"""The field that takes the id of anything."""


def _given(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=None, name=name, description=description)


EQ = "Equal to this."
IN = "Equal to one of these (at most 200)."
GT, GTE = "Greater than this.", "Greater than or equal to this."
LT, LTE = "Less than this.", "Less than or equal to this."


@strawberry.input(description="Conditions on a text; all that are given must hold, null is not given.")
class StringFilter:
    """Comparisons of a text. Upper and lower case differ, but for `contains`."""

    eq: str | None = _given(EQ)
    in_: list[str] | None = _given(IN, "in")
    starts_with: str | None = _given("Starts with this; case matters.")
    contains: str | None = _given("Contains this; case does not matter.")


@strawberry.input(description="Conditions on an id; all that are given must hold, null is not given.")
class IDFilter:
    """Comparisons of a global id."""

    eq: strawberry.ID | None = _given(EQ)
    in_: list[strawberry.ID] | None = _given(IN, "in")


@strawberry.input(description="Conditions on a flag; null is not given.")
class BooleanFilter:
    """Comparison of a flag."""

    eq: bool | None = _given(EQ)


@strawberry.input(description="Conditions on a moment; all that are given must hold, null is not given.")
class DateTimeFilter:
    """Comparisons of a moment."""

    gt: datetime | None = _given(GT)
    gte: datetime | None = _given(GTE)
    lt: datetime | None = _given(LT)
    lte: datetime | None = _given(LTE)


@strawberry.input(description="Conditions on an amount; all that are given must hold, null is not given.")
class DecimalFilter:
    """Comparisons of an exact number."""

    eq: Decimal | None = _given(EQ)
    gt: Decimal | None = _given(GT)
    gte: Decimal | None = _given(GTE)
    lt: Decimal | None = _given(LT)
    lte: Decimal | None = _given(LTE)


@strawberry.input(description="Conditions on a number; all that are given must hold, null is not given.")
class IntFilter:
    """Comparisons of a whole number."""

    eq: int | None = _given(EQ)
    gt: int | None = _given(GT)
    gte: int | None = _given(GTE)
    lt: int | None = _given(LT)
    lte: int | None = _given(LTE)


@strawberry.input(description="Conditions on a closed set of values; all that are given must hold.")
class EnumFilter(Generic[E]):
    """Comparisons of an enum."""

    eq: E | None = _given(EQ)
    in_: list[E] | None = _given(IN, "in")


def filters_of(given: Any) -> Filters:
    """The domain's filters from a filter input.

    Raises:
        Refused: BAD_INPUT for an id that is none of the right type, and for too long a list.
    """
    if given is None:
        return {}
    conditions = ((field.name, getattr(given, field.name)) for field in fields(given))
    return {name: _compare(name, value) for name, value in conditions if value is not None}


def _compare(name: str, given: Any) -> Compare:
    values: dict[str, Any] = {field.name: getattr(given, field.name) for field in fields(given)}
    if len(values.get("in_") or ()) > IN_MAX:
        raise Refused(bad_input(f"A list has at most {IN_MAX} values.", "filter", name, "in"))
    if isinstance(given, IDFilter):
        values = {
            "eq": None if given.eq is None else _key(given.eq, name, "eq"),
            "in_": given.in_ and [_key(each, name, "in") for each in given.in_],
        }
    return Compare(**values)


def _key(given: strawberry.ID, name: str, condition: str) -> UUID:
    """The key in a global id. The field is named after its type: `customer` takes the id of a Customer."""
    path = ("filter", name, condition)
    return parse_id(given, *path)[1] if name == ANY_TYPE else key_of(given, ROLES.get(name, name.title()), *path)
