"""Makes a plan of an operation: collects its fields, and decides how each is resolved and completed."""

from functools import lru_cache, partial
from typing import Any

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
from strawberry.types.fields.resolver import StrawberryResolver

from graph.execution import values
from graph.execution.arguments import coerced, converted
from graph.execution.complete import Completion, slow_row_maker
from graph.execution.fallback import NotCompiled, Reason
from graph.execution.kinds import Kinds
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
            self._resolve(field)
        complete = Completion(field, self._kinds).function()
        field.complete = taking_written(field.key, complete) if field.is_item else complete
        return field

    def _subselection(self, details: FieldDetailsList, graphql_type: GraphQLObjectType) -> Selection:
        collected = collect_subfields(
            self._schema, self._fragments, self._conditions, self._operation, graphql_type, details
        )
        return self._selection(graphql_type, _fields(collected))

    def _resolve(self, field: Field) -> None:
        """Decide where the values of a field come from."""
        declared: Any = (field.definition.extensions or {}).get(DEFINITION)
        if not isinstance(declared, StrawberryField):
            raise NotCompiled(Reason.FOREIGN_FIELD)
        field.is_item = ITEM in declared.metadata
        if declared.is_subscription:
            field.values = values.itself
        elif declared.is_basic_field and self._strawberry.config.default_resolver is getattr:
            field.attribute = declared.python_name
            if field.is_item or not field.is_read_off:
                field.values = values.attribute(declared.python_name)
        elif (plain := declared.metadata.get(PLAIN)) is not None and not self._is_wrapped(declared):
            field.plain = plain
            if field.is_item or not field.is_read_off:
                field.values = values.plain(plain)
        else:
            field.values = self._function(field, declared)

    def _function(self, field: Field, declared: Any) -> Values:
        given = coerced(field.definition, field.nodes[0])
        resolver: StrawberryResolver[Any] | None = declared.base_resolver
        schema = self._strawberry
        if resolver is None or self._is_wrapped(declared):
            return values.by_strawberry(field.definition, field, given)
        if (relation := declared.metadata.get(RELATION)) is not None:
            field.relation = relation
            return values.related(relation)
        arguments = converted(schema, declared, given)
        batch = declared.metadata.get(BATCH)
        if batch is not None:
            return values.batched(schema, field, declared, batch, arguments)
        return values.resolved(schema, field, declared, resolver, arguments)

    def _is_wrapped(self, declared: Any) -> bool:
        """Whether something stands around the function of a field, which is Strawberry's business."""
        return bool(declared.extensions or self._strawberry.exception_handlers)


def _fields(collected: CollectedFields) -> GroupedFieldSet:
    for details in collected.grouped_field_set.values():
        if any(each.fragment_variable_values is not None for each in details):
            raise NotCompiled(Reason.FRAGMENT_VARIABLES)
    return collected.grouped_field_set
