"""Compiled execution where graphql-core would execute: Strawberry's parsing, hooks and results stay as they are."""

from typing import Any, cast

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.execution.operations import Operations
from graph.execution.run import Run


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """Runs an operation by its plan, or as graphql-core does where there is none.

    Which of the two is decided before anything runs, and nothing is ever run again: a mutation must not be.
    """

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The answer to an operation, or to one event of a subscription."""
        operations = operations_of(self.schema)
        plan = operations.plan(self) if operations is not None else None
        return Run(self).execute(plan) if plan is not None else super().execute_operation(serially)


def operations_of(schema: Any) -> Operations | None:
    """The plans of a schema; None where it executes by graphql-core."""
    return cast("Operations | None", getattr(schema._strawberry_schema, "operations", None))  # noqa: SLF001
