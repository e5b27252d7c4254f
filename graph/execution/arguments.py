"""The arguments of a field, coerced and converted once for all parents, by the rules of graphql-core and Strawberry."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    VariableNode,
    Visitor,
    get_argument_values,
    visit,
)
from strawberry.types.field import StrawberryField

from graph.execution.inputs import converter

if TYPE_CHECKING:
    from graph.execution.run import Run

Arguments = Callable[["Run"], dict[str, Any]]
"""The arguments that a run gives a field, by name.

All parents get the same: a resolver that changes a list or an input object in place changes it for its siblings.
"""


def coerced(definition: GraphQLField, node: FieldNode) -> Arguments:
    """The arguments as GraphQL knows them: by their public names, input objects as dictionaries."""
    if not definition.args:
        return _none
    if not has_variables(node):
        try:
            constant = get_argument_values(definition, node)
        except GraphQLError:
            # Whoever runs it is told.
            pass
        else:
            return lambda _run: constant
    return lambda run: get_argument_values(
        definition, node, run.executor.variable_values, None, run.executor.hide_suggestions
    )


def converted(schema: strawberry.Schema, declared: StrawberryField, given: Arguments) -> Arguments:
    """The arguments as a resolver takes them: by its own names, input objects as instances."""
    if not declared.arguments:
        return _none
    names = schema.config.name_converter
    arguments = [
        (names.from_argument(each), each.python_name, converter(schema, each.type)) for each in declared.arguments
    ]

    def values(run: "Run") -> dict[str, Any]:
        found = given(run)
        return {python_name: convert(found[name]) for name, python_name, convert in arguments if name in found}

    return values


def has_variables(node: FieldNode) -> bool:
    """Whether an argument is, or contains, a variable."""
    found = _Variables()
    for argument in node.arguments or ():
        visit(argument, found)
    return found.is_found


class _Variables(Visitor):
    is_found = False

    def enter_variable(self, _node: VariableNode, *_: Any) -> None:
        self.is_found = True


def _none(_run: object) -> dict[str, Any]:
    return {}
