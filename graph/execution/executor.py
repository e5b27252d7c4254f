"""Compiled execution where graphql-core would execute: Strawberry's parsing, hooks and results stay as they are."""

from inspect import isawaitable
from typing import Any, cast

from graphql import OperationType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.context import Context
from graph.execution.operations import Operations
from graph.execution.run import Run
from graph.limits.desk import COMPILING, preparing


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """Runs an operation by its plan, or as graphql-core does where there is none.

    Which of the two is decided before anything runs, and nothing is ever run again: a mutation must not be.
    """

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The answer to an operation, or to one event of a subscription."""
        operations = operations_of(self.schema)
        if operations is None:
            return super().execute_operation(serially)
        # Events of a subscription are told whoever else is at the desk.
        is_single = self.operation.operation is not OperationType.SUBSCRIPTION
        if is_single and isinstance(self.context_value, Context) and operations.is_new(self):
            return self._prepared(operations, self.context_value, serially)
        return self._execute(operations, serially)

    async def _prepared(self, operations: Operations, context: Context, serially: bool | None) -> Any:
        async with preparing(context, COMPILING * context.fields):
            operations.prepare(self)
        result = self._execute(operations, serially)
        return await result if isawaitable(result) else result

    def _execute(self, operations: Operations, serially: bool | None) -> Any:
        plan = operations.plan(self)
        return Run(self).execute(plan) if plan is not None else super().execute_operation(serially)


def operations_of(schema: Any) -> Operations | None:
    """The plans of a schema; None where it executes by graphql-core."""
    return cast("Operations | None", getattr(schema._strawberry_schema, "operations", None))  # noqa: SLF001
