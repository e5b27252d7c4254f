"""The variables of an operation that was executed before: what graphql-core found out of them once is not asked again.

It takes their definitions apart for each request, which is most of what it takes to coerce a few of them.
"""

from typing import Any, cast

import graphql
from graphql import Undefined
from graphql.execution import values as library
from graphql.execution.values import VariableValues, VariableValueSource

from graph.execution.plan import NON_NULL, Shape

# The library's own types of these are full of unknowns.
coerce: Any = cast("Any", graphql).coerce_input_value
default_of: Any = cast("Any", library).coerce_default_value
is_too_deep: Any = cast("Any", library).input_is_nested_too_deeply


class Signatures:
    """Which variables an operation has, of which types, and with which defaults."""

    def __init__(self, values: VariableValues) -> None:
        """`values` are those of any execution of it: they tell of all variables that there are."""
        self._each: list[tuple[str, Any, Any, bool]] = []
        for source in values.sources.values():
            signature: Any = source.signature
            # Scalars are as deep as their type says, whatever is in them.
            may_be_deep = not Shape.of(signature.type).is_leaf
            self._each.append((signature.name, signature, signature.type, may_be_deep))

    def values(self, given: dict[str, Any]) -> VariableValues | None:
        """What is given, as resolvers take it; None where something is wrong with it, which graphql-core has to tell.

        The rules: https://spec.graphql.org/September2025/#sec-Coercing-Variable-Values
        """
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for name, signature, kind, may_be_deep in self._each:
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            try:
                if value is not Undefined:
                    found = Undefined if may_be_deep and is_too_deep(value, kind) else coerce(value, kind)
                elif signature.default is not None:
                    found = default_of(signature)
                elif isinstance(kind, NON_NULL):
                    return None
                else:
                    continue
            except (RecursionError, TypeError):
                return None
            if found is Undefined:
                return None
            coerced[name] = found
        return VariableValues(sources, coerced)
