"""What a resolver is given: arguments, coerced and converted once for all parents, and `info`.

The rules are those of graphql-core and Strawberry.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    Undefined,
    VariableNode,
    Visitor,
    get_argument_values,
    visit,
)
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from graph.execution.inputs import converter
from graph.execution.plan import NON_NULL, Field

if TYPE_CHECKING:
    from graph.execution.run import Run

Arguments = Callable[["Run"], dict[str, Any]]
"""The arguments that a run gives a field, by name.

All parents get the same: a resolver that changes a list or an input object in place changes it for its siblings.
"""

InfoOf = Callable[["Run"], Any]
"""Where a run is, as resolvers are told it."""


def coerced(definition: GraphQLField, node: FieldNode) -> Arguments:
    """The arguments as GraphQL knows them: by their public names, input objects as dictionaries."""
    if not definition.args:
        return _none
    if not has_variables(node.arguments or ()):
        try:
            constant = get_argument_values(definition, node)
        except GraphQLError:
            # Whoever runs it is told.
            pass
        else:
            return lambda _run: constant
    return _by_variables(definition, node)


def _by_variables(definition: GraphQLField, node: FieldNode) -> Arguments:
    """The arguments where some are, or contain, variables."""

    def by_library(run: "Run") -> dict[str, Any]:
        executor = run.executor
        return get_argument_values(definition, node, executor.variable_values, None, executor.hide_suggestions)

    given = node.arguments or ()
    bound = {each.name.value: each.value.name.value for each in given if isinstance(each.value, VariableNode)}
    if any(each.name.value not in bound and has_variables([each]) for each in given):
        return by_library
    variables: list[tuple[str, str, bool]] = []
    for name, variable in bound.items():
        declared: Any = definition.args[name]
        variables.append((declared.out_name or name, variable, isinstance(declared.type, NON_NULL)))
    return _Bound(by_library, variables)


class _Bound:
    """Arguments each of which is a variable as it is, or depends on none.

    graphql-core finds them out the first time, and whenever a variable has no value that can be taken as it is. Those
    that depend on none stay as they were then.
    """

    __slots__ = ("_by_library", "_constant", "_variables")

    def __init__(self, by_library: Arguments, variables: list[tuple[str, str, bool]]) -> None:
        """`variables` has each argument's name, that of its variable, and whether null is none of its values."""
        self._by_library, self._variables = by_library, variables
        self._constant: dict[str, Any] | None = None

    def __call__(self, run: "Run") -> dict[str, Any]:
        if self._constant is None:
            found = self._by_library(run)
            self._constant = found.copy()
            for name, _, _ in self._variables:
                self._constant.pop(name, None)
            return found
        values, given = self._constant.copy(), run.executor.variable_values.coerced
        for name, variable, is_required in self._variables:
            value = given.get(variable, Undefined)
            if value is Undefined or (value is None and is_required):
                return self._by_library(run)
            values[name] = value
        return values


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


def info_of(schema: strawberry.Schema, field: Field, declared: StrawberryField) -> InfoOf:
    """The `info` of a field: one for all parents."""
    make: Callable[..., Any] = schema.config.info_class

    def info(run: "Run") -> Any:
        made: Any = make(_raw_info=run.info(field), _field=declared)
        made.target = field.target
        return made

    return info


def parameters_of(resolver: StrawberryResolver[Any] | None) -> tuple[list[str], str | None]:
    """The names of the parameters in which a resolver takes the parent, `self` apart, and of the one for `info`."""
    if resolver is None:
        return [], None
    told, info = (resolver.parent_parameter, resolver.root_parameter), resolver.info_parameter
    # One parameter may be both.
    return list(dict.fromkeys(each.name for each in told if each is not None)), info.name if info is not None else None


def has_variables(arguments: Iterable[ArgumentNode]) -> bool:
    """Whether one of some arguments is, or contains, a variable."""
    found = _Variables()
    for argument in arguments:
        visit(argument, found)
    return found.is_found


class _Variables(Visitor):
    is_found = False

    def enter_variable(self, _node: VariableNode, *_: Any) -> None:
        self.is_found = True


def _none(_run: object) -> dict[str, Any]:
    return {}
