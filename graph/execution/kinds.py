"""Of which type an object is: asked of its class where that decides, else of each object."""

from inspect import isawaitable, iscoroutinefunction, isgenerator
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    is_abstract_type,
    is_object_type,
)
from graphql.pyutils import inspect

from graph.execution.plan import Field
from graph.node import InstanceOf

if TYPE_CHECKING:
    from graph.execution.run import Run


class Kinds:
    """What is known of the classes of objects, for one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: dict[GraphQLObjectType, set[type]] = {}

    def known(self, graphql_type: GraphQLObjectType) -> set[type]:
        """The classes whose objects are of a type, whatever is in them; none of nulls, errors or awaitables.

        The set grows as objects are looked at, but for types that must look at each.
        """
        return self._known.setdefault(graphql_type, set())

    def takes_time(self, graphql_type: Any) -> bool:
        """Whether the type of an object can only be awaited."""
        if is_abstract_type(graphql_type):
            possible = self._schema.get_possible_types(graphql_type)
            return iscoroutinefunction(graphql_type.resolve_type) or any(map(self.takes_time, possible))
        return iscoroutinefunction(getattr(graphql_type, "is_type_of", None))

    def of(self, field: Field, value: Any, run: "Run") -> GraphQLObjectType:
        """The type of one object that a field leads to.

        Raises:
            Exception: it is of none that may be there, or nobody knows.
        """
        named = field.shape.named
        concrete: GraphQLObjectType = named if is_object_type(named) else self._resolved(field, value, run)
        test = concrete.is_type_of
        if test is not None and not _at_once(test(value, run.info(field))):
            # In graphql-core's words, as all below.
            raise GraphQLError(f"Expected value of type '{concrete}' but got: {inspect(value)}.", field.nodes)
        # An instance of a generator may be an awaitable or none: its class does not tell.
        if (test is None or isinstance(test, InstanceOf)) and not isgenerator(value):
            self.known(concrete).add(value.__class__)
        return concrete

    def _resolved(self, field: Field, value: Any, run: "Run") -> GraphQLObjectType:
        core: Any = run.executor
        abstract, info = field.shape.named, run.info(field)
        name = _at_once((abstract.resolve_type or core.type_resolver)(value, info, abstract))
        return core.ensure_valid_runtime_type(name, abstract, [_Details(node) for node in field.nodes], info, value)


class _Details:
    """What graphql-core wants of a place in a document to name it in an error."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node


def _at_once(verdict: Any) -> Any:
    """The verdict, which `takes_time` has promised to be at hand."""
    if isawaitable(verdict):
        raise TypeError("The type of an object is told by a coroutine, or by a function that is no coroutine.")
    return verdict
