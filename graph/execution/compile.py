"""Makes a plan of an operation: collects its fields, and decides how each is resolved and completed."""

from functools import lru_cache, partial
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    is_object_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from graph.execution import values
from graph.execution.arguments import Arguments, InfoOf, coerced, converted, info_of
from graph.execution.complete import Completion, slow_row_maker
from graph.execution.fallback import NotCompiled, Reason
from graph.execution.kinds import Kinds
from graph.execution.permissions import Permission, extension_of
from graph.execution.plan import Field, Plan, Selection, Shape, Values
from graph.execution.rows import row_maker
from graph.execution.written import prepare_writing, taking_written
from graph.fields import BATCH, ITEM, PLAIN, RELATION

DEFINITION = "strawberry-definition"
"""Under which a field of graphql-core's schema keeps Strawberry's declaration."""


class Compiler:
    """Compiles one operation for one set of conditions: the values of the variables in its `@skip` and `@include`."""

    def __init__(
        self,
        schema: strawberry.Schema,
        kinds: Kinds,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        conditions: VariableValues,
    ) -> None:
        self._strawberry, self._schema = schema, schema._schema  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        self._kinds, self._operation = kinds, operation
        self._fragments, self._conditions = fragments, conditions
        self._size = 0

    def plan(self) -> Plan:
        """The plan.

        Raises:
            NotCompiled: the operation is one for graphql-core.
        """
        operation = self._operation
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            raise NotCompiled(Reason.FOREIGN_FIELD)
        try:
            collected = collect_fields(self._schema, self._fragments, self._conditions, root, operation)
            selection = self._selection(root, _fields(collected))
        except RecursionError:
            raise NotCompiled(Reason.NESTED_TOO_DEEPLY) from None
        prepare_writing(selection)
        return Plan(selection, operation.operation is OperationType.MUTATION, self._size)

    def _selection(self, graphql_type: GraphQLObjectType, grouped: GroupedFieldSet) -> Selection:
        found = (self._field(graphql_type, key, details) for key, details in grouped.items())
        fields = [field for field in found if field is not None]
        slowly = slow_row_maker(fields, graphql_type.name, self._kinds)
        return Selection(graphql_type, fields, row_maker(graphql_type, fields, self._kinds, slowly))

    def _field(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> Field | None:
        nodes = [each.node for each in details]
        definition: Any = self._schema.get_field(parent, nodes[0].name.value)
        if definition is None:
            return None
        self._size += 1
        shape = Shape.of(definition.type)
        field = Field(key, nodes[0].name.value, parent, definition, nodes, shape)
        named = shape.named
        if self._kinds.takes_time(named):
            raise NotCompiled(Reason.ASYNC_TYPE)
        if is_object_type(named):
            field.selection = self._subselection(details, named)
        elif not shape.is_leaf:
            # Most of the possible types are never seen.
            field.selections = lru_cache(partial(self._subselection, details))
        if field.name != "__typename":
            self._find_values(field)
        complete = Completion(field, self._kinds).function()
        field.complete = taking_written(field.key, complete) if field.is_item else complete
        return field

    def _subselection(self, details: FieldDetailsList, graphql_type: GraphQLObjectType) -> Selection:
        collected = collect_subfields(
            self._schema, self._fragments, self._conditions, self._operation, graphql_type, details
        )
        return self._selection(graphql_type, _fields(collected))

    def _find_values(self, field: Field) -> None:
        """Decide where the values of a field come from."""
        declared: Any = (field.definition.extensions or {}).get(DEFINITION)
        if not isinstance(declared, StrawberryField):
            raise NotCompiled(Reason.FOREIGN_FIELD)
        field.is_item = ITEM in declared.metadata
        if declared.is_subscription:
            # Whether it may be watched was asked before the first event.
            field.values = values.itself
            return
        given = coerced(field.definition, field.nodes[0])
        if self._is_strawberrys(declared):
            field.values = values.by_strawberry(field, given)
            return
        info = info_of(self._strawberry, field, declared)
        arguments = converted(self._strawberry, declared, given)
        field.values = _values(field, declared, info, arguments)
        if (extension := extension_of(declared)) is not None:
            field.permission = Permission(extension, declared, info, arguments)
            return
        field.attribute = declared.python_name if cast("Any", declared).base_resolver is None else None
        field.plain, field.relation = declared.metadata.get(PLAIN), declared.metadata.get(RELATION)
        if field.is_at_hand and field.is_read_off and not field.is_item:
            # The rows are made with them.
            field.values = None

    def _is_strawberrys(self, declared: Any) -> bool:
        """Whether a field is resolved in a way that is Strawberry's business."""
        schema = self._strawberry
        is_wrapped = bool(declared.extensions) and extension_of(declared) is None
        reads_otherwise = declared.base_resolver is None and schema.config.default_resolver is not getattr
        return is_wrapped or reads_otherwise or bool(schema.exception_handlers)


def _values(field: Field, declared: Any, info: InfoOf, arguments: Arguments) -> Values:
    """What finds the values of a field, once that is permitted."""
    resolver, metadata = declared.base_resolver, declared.metadata
    if resolver is None:
        return values.attribute(declared.python_name)
    if PLAIN in metadata:
        return values.plain(metadata[PLAIN])
    if RELATION in metadata:
        return values.related(metadata[RELATION])
    if BATCH in metadata:
        return values.batched(field, metadata[BATCH], resolver, info, arguments)
    return values.resolved(resolver, info, arguments)


def _fields(collected: CollectedFields) -> GroupedFieldSet:
    for details in collected.grouped_field_set.values():
        if any(each.fragment_variable_values is not None for each in details):
            raise NotCompiled(Reason.FRAGMENT_VARIABLES)
    return collected.grouped_field_set
