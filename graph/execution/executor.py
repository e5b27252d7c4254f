"""Compiled execution where graphql-core would execute: Strawberry's parsing, hooks and results stay as they are."""

from inspect import isawaitable
from typing import Any, Self, cast

from graphql import GraphQLResolveInfoHelpers, OperationType
from graphql.execution.values import VariableValues
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.context import Context
from graph.execution.operations import Operations
from graph.execution.plan import Plan
from graph.execution.run import Run
from graph.limits.desk import COMPILING, preparing


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """Runs an operation by its plan, or as graphql-core does where there is none.

    Which of the two is decided before anything runs, and nothing is ever run again: a mutation must not be.
    """

    def bare(self) -> Self:
        """The same operation, with nothing given to it: what can be kept of an execution."""
        other = self.filled(VariableValues({}, {}), None, None)
        # They are bound to an executor, which would be kept with all that it was given.
        other.async_helpers = GraphQLResolveInfoHelpers(other.gather_async_work, other.track_async_work)
        return other

    def filled(self, variables: VariableValues, context: Any, extensions: dict[str, Any] | None) -> Self:
        """The same operation, with what it is given now, to be executed by a plan.

        Whatever else graphql-core keeps for an execution of its own is shared with this one, and not used.
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.variable_values, other.context_value, other.operation_extensions = variables, context, extensions
        other.root_value = None
        return other

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The answer to an operation, or to one event of a subscription."""
        operations = operations_of(self.schema)
        if operations is None:
            return super().execute_operation(serially)
        # Events of a subscription are told whoever else is at the desk.
        is_single = self.operation.operation is not OperationType.SUBSCRIPTION
        if is_single and isinstance(self.context_value, Context) and operations.is_new(self):
            return self._prepared(operations, self.context_value, serially)
        return self._execute(operations.plan(self), serially)

    async def _prepared(self, operations: Operations, context: Context, serially: bool | None) -> Any:
        async with preparing(context, COMPILING * context.fields):
            plan = operations.plan(self)
        result = self._execute(plan, serially)
        return await result if isawaitable(result) else result

    def _execute(self, plan: Plan | None, serially: bool | None) -> Any:
        return Run(self).execute(plan) if plan is not None else super().execute_operation(serially)


def operations_of(schema: Any) -> Operations | None:
    """The plans of a schema; None where it executes by graphql-core."""
    return cast("Operations | None", getattr(schema._strawberry_schema, "operations", None))  # noqa: SLF001
