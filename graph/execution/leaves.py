"""What becomes of scalars and enums: the code that lets common values pass at once, and the function for all others."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from inspect import isawaitable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

from graph.execution.errors import no_null
from graph.execution.plan import Field

if TYPE_CHECKING:
    from graph.execution.run import Run

AS_THEY_ARE = {
    GraphQLString: "{v}.__class__ is not str",
    GraphQLID: "{v}.__class__ is not str",
    GraphQLInt: "({v}.__class__ is not int or not -2147483648 <= {v} <= 2147483647)",
    GraphQLFloat: "({v}.__class__ is not float or not -1.7976931348623157e308 <= {v} <= 1.7976931348623157e308)",
    GraphQLBoolean: "{v} is not True and {v} is not False",
}
"""The scalars that answer with the value itself, and the test for values with which they do not, or must not."""

USUAL = {"BigInt": int, "Date": date, "DateTime": datetime, "Decimal": Decimal, "UUID": UUID}
"""The class of the values that a scalar most often meets, by its name: they go to its own function straight."""


class AwaitedError(Exception):
    """A value that must be waited for stands where only values were expected."""


def guard(field: Field, variable: str, names: dict[str, Any]) -> str:
    """The statement that puts what goes out in the place of a variable; what it needs is put into `names`.

    Whatever is not the most common case, null in the wrong place included, goes to `serializer`.
    """
    serialize, known, straight = f"serialize_{variable}", f"known_{variable}", f"straight_{variable}"
    graphql_type: Any = field.shape.leaf
    names[serialize] = serializer(field)
    otherwise = f"{variable} = {serialize}({variable}, run)"
    if graphql_type in AS_THEY_ARE:
        test = AS_THEY_ARE[graphql_type].format(v=variable)
        return f"if {test}{'' if field.shape.is_required else f' and {variable} is not None'}: {otherwise}"
    if isinstance(graphql_type, GraphQLEnumType):
        members = _names_by_value(graphql_type)
        if members is None:
            return otherwise
        names[known], names[straight] = members
        usually = f"{variable} = {straight}[{variable}._value_]"
    elif graphql_type.name in USUAL:
        names[known], names[straight] = USUAL[graphql_type.name], graphql_type.coerce_output_value
        usually = f"{variable} = {straight}({variable})"
    else:
        return otherwise
    rest = "else" if field.shape.is_required else f"elif {variable} is not None"
    return f"if {variable}.__class__ is {known}: {usually}\n{rest}: {otherwise}"


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


def serializer(field: Field) -> Callable[[Any, "Run"], Any]:
    """The function that makes of any value what goes out, or the failure to do so.

    It raises `AwaitedError` for what has to be awaited first.
    """
    graphql_type, is_required = field.shape.leaf, field.shape.is_required

    def serialize(value: Any, run: "Run") -> Any:
        if isinstance(value, BaseException):
            return run.fail(value)
        if value is None or value is Undefined:
            return run.fail(no_null(field)) if is_required else None
        if isawaitable(value):
            raise AwaitedError
        return serialized(graphql_type, value, run)

    return serialize


def serialized(graphql_type: Any, value: Any, run: "Run") -> Any:
    """What goes out for a value that is there, or the failure to serialize it."""
    try:
        result = graphql_type.coerce_output_value(value)
    except Exception as error:
        return run.fail(error)
    if result is None or result is Undefined:
        # In graphql-core's words.
        call = f"{inspect(graphql_type)}.coerce_output_value({inspect(value)})"
        return run.fail(TypeError(f"Expected `{call}` to return non-nullable value, returned: {inspect(result)}"))
    return result
