"""What becomes of scalars and enums: the code that lets common values pass at once, and the function for all others."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from inspect import isawaitable
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLNonNull,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

from graph.execution.errors import no_null
from graph.execution.plan import Field

AS_THEY_ARE = {
    GraphQLString: "{v}.__class__ is not str",
    GraphQLID: "{v}.__class__ is not str",
    GraphQLInt: "({v}.__class__ is not int or not -2147483648 <= {v} <= 2147483647)",
    GraphQLFloat: "({v}.__class__ is not float or not -1.7976931348623157e308 <= {v} <= 1.7976931348623157e308)",
    GraphQLBoolean: "{v} is not True and {v} is not False",
}
"""The scalars that answer with the value itself, and the test for values with which they do not, or must not."""

USUAL = {"BigInt": int, "Date": date, "DateTime": datetime, "Decimal": Decimal, "UUID": UUID}
"""The class of the values that a scalar most often meets, by its name. Such a value is no null, awaitable or error."""


class AwaitedError(Exception):
    """A value that must be waited for stands where only values were expected."""


def guard(field: Field, graphql_type: GraphQLLeafType, variable: str, names: dict[str, Any]) -> str:
    """The statement that converts a variable in place; what it needs is put into `names`.

    Whatever is not the most common case, null in the wrong place included, goes to `converter`.
    """
    other = f"convert_{variable}"
    names[other] = converter(field, graphql_type)
    is_required = isinstance(field.type, GraphQLNonNull)
    otherwise = f"{variable} = {other}({variable}, run)"
    rest = "else" if is_required else f"elif {variable} is not None"
    if graphql_type in AS_THEY_ARE:
        test = AS_THEY_ARE[graphql_type].format(v=variable)
        return f"if {test}{'' if is_required else f' and {variable} is not None'}: {otherwise}"
    if isinstance(graphql_type, GraphQLEnumType):
        if (known := _names_by_value(graphql_type)) is None:
            return otherwise
        names[f"class_{variable}"], names[f"known_{variable}"] = known
        return f"if {variable}.__class__ is class_{variable}: {variable} = known_{variable}[{variable}._value_]\n{rest}: {otherwise}"
    usual = USUAL.get(graphql_type.name)
    if usual is None:
        return otherwise
    names[f"class_{variable}"], names[f"coerce_{variable}"] = usual, graphql_type.coerce_output_value
    straight = f"if {variable}.__class__ is class_{variable}: {variable} = coerce_{variable}({variable})"
    return f"{straight}\n{rest}: {otherwise}"


def _names_by_value(graphql_type: GraphQLEnumType) -> tuple[type, dict[Any, str]] | None:
    """The class of the members, and the name of each by its value: a member itself takes long to hash."""
    members = getattr(graphql_type, "wrapped_cls", None)
    if members is None:
        return None
    known: dict[Any, str] = {}
    try:
        for name, value in graphql_type.values.items():
            # The first that has a value names it, as in Strawberry.
            known.setdefault(value.value, name)
    except TypeError:
        return None
    return members, known


def converter(field: Field, graphql_type: GraphQLLeafType) -> Callable[[Any, Any], Any]:
    """The function that converts any value to what goes out, or to the failure to do so."""
    coerce: Callable[[Any], Any] = graphql_type.coerce_output_value
    is_required = isinstance(field.type, GraphQLNonNull)

    def convert(value: Any, run: Any) -> Any:
        if isinstance(value, BaseException):
            return run.fail(value)
        if value is None or value is Undefined:
            return run.fail(no_null(field)) if is_required else None
        if isawaitable(value):
            raise AwaitedError
        try:
            return coerced(graphql_type, coerce(value), value)
        except Exception as error:
            return run.fail(error)

    return convert


def coerced(graphql_type: GraphQLLeafType, result: Any, value: Any) -> Any:
    """What a coercion answered, which must not be null: graphql-core's rule, in its words.

    Raises:
        TypeError: it is.
    """
    if result is None or result is Undefined:
        call = f"{inspect(graphql_type)}.coerce_output_value({inspect(value)})"
        raise TypeError(f"Expected `{call}` to return non-nullable value, returned: {inspect(result)}")
    return result
