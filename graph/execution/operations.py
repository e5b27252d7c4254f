"""The operations that were compiled, kept by their text: what is kept can neither go stale nor grow without bounds."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import strawberry
import structlog
from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    Node,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from domain.kept import Kept
from graph.execution.compile import Compiler
from graph.execution.fallback import NotCompiled, Reason, Tally
from graph.execution.kinds import Kinds
from graph.execution.plan import Plan

if TYPE_CHECKING:
    from graph.execution.executor import CompiledExecutor

log = structlog.get_logger("orderwire.graph")

ROOM = 64 << 20
"""About how many bytes are kept: hundreds of operations of a real client, or a few that are made to be large."""

CHARACTER, FIELD = 200, 3_000
"""About how many bytes a character of a document takes once it is parsed, and a field once it is compiled."""

VARIANTS = 32
"""How many plans are kept of one operation: it has one for each set of values in its `@skip` and `@include`."""

CONDITIONS = frozenset({GraphQLSkipDirective.name, GraphQLIncludeDirective.name})


class Operations:
    """The plans of one schema."""

    def __init__(self, schema: strawberry.Schema, room: int = ROOM) -> None:
        """`room` is how many bytes are kept, about."""
        self.tally = Tally()
        self._schema = schema
        self._kinds = Kinds(schema._schema)  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        self._kept = Kept[tuple[str, str | None], Variants](room)

    def plan(self, executor: "CompiledExecutor") -> Plan | None:
        """The plan of the operation that an executor is to run; None where graphql-core has to."""
        try:
            plan = self._plan(executor)
        except NotCompiled as refused:
            self.tally.fallbacks[refused.reason] += 1
            return None
        self.tally.compiled += 1
        return plan

    def is_new(self, executor: "CompiledExecutor") -> bool:
        """Whether the operation has yet to be compiled for its variables, which takes time."""
        key = _key(executor)
        variants = self._kept.get(key) if key is not None else None
        return variants is None or variants.is_new(executor)

    def prepare(self, executor: "CompiledExecutor") -> None:
        """Compile an operation that is new."""
        with suppress(NotCompiled):
            self._plan(executor)

    def _plan(self, executor: "CompiledExecutor") -> Plan:
        if executor.middleware_manager is not None and executor.middleware_manager.middlewares:
            raise NotCompiled(Reason.MIDDLEWARE)
        if executor.abort_signal is not None:
            raise NotCompiled(Reason.ABORT_SIGNAL)
        key = _key(executor)
        if key is None:
            raise NotCompiled(Reason.NO_SOURCE)
        found = self._kept.get(key)
        variants = found or Variants(self._schema, self._kinds, executor)
        before = variants.fields
        try:
            return variants.plan(executor)
        finally:
            if found is None or variants.fields != before:
                self._kept.put(key, variants, CHARACTER * len(key[0]) + FIELD * variants.fields)


def _key(executor: "CompiledExecutor") -> tuple[str, str | None] | None:
    """The whole document and the name of the operation, which is what it is by its fragments too."""
    operation = executor.operation
    if operation.loc is None:
        return None
    return operation.loc.source.body, operation.name.value if operation.name else None


class Variants:
    """One operation, compiled for each set of conditions that it was run under."""

    def __init__(self, schema: strawberry.Schema, kinds: Kinds, executor: "CompiledExecutor") -> None:
        self._schema, self._kinds = schema, kinds
        self._operation, self._fragments = executor.operation, executor.fragments
        survey = Survey([executor.operation, *executor.fragment_definitions.values()])
        self._conditions, self._refusal = sorted(survey.conditions), survey.refusal
        self._plans: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()
        self.fields = 0
        """How many fields its plans have."""
        if self._refusal is not None:
            self._tell(self._refusal)

    def is_new(self, executor: "CompiledExecutor") -> bool:
        """Whether there is no plan yet for the variables of an execution, but may be one."""
        return self._refusal is None and self._conditions_of(executor) not in self._plans

    def plan(self, executor: "CompiledExecutor") -> Plan:
        """The plan for the variables of an execution.

        Raises:
            NotCompiled: the operation is one for graphql-core.
        """
        if self._refusal is not None:
            raise NotCompiled(self._refusal)
        key = self._conditions_of(executor)
        plan = self._plans.get(key)
        if plan is None:
            try:
                plan = self._plans[key] = self._compiled(executor.variable_values)
            except NotCompiled as refused:
                self._refusal = refused.reason
                self._tell(refused.reason)
                raise
            self.fields += plan.size
            if len(self._plans) > VARIANTS:
                _, oldest = self._plans.popitem(last=False)
                self.fields -= oldest.size
        return plan

    def _conditions_of(self, executor: "CompiledExecutor") -> tuple[Any, ...]:
        coerced = executor.variable_values.coerced
        return tuple(coerced.get(name) for name in self._conditions)

    def _compiled(self, variables: VariableValues) -> Plan:
        # Of the variables only conditions: what else a client sends must not outlive its request.
        sources = {name: variables.sources[name] for name in self._conditions if name in variables.sources}
        coerced = {name: variables.coerced[name] for name in self._conditions if name in variables.coerced}
        conditions = VariableValues(sources, coerced)
        return Compiler(self._schema, self._kinds, self._operation, self._fragments, conditions).plan()

    def _tell(self, reason: Reason) -> None:
        name = self._operation.name.value if self._operation.name else None
        log.info("not_compiled", operation=name, reason=reason.value)


class Survey(Visitor):
    """What there is in an operation and its fragments that decides whether, and how, it is compiled."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        super().__init__()
        self.conditions: set[str] = set()
        self.refusal: Reason | None = None
        for node in nodes:
            visit(node, self)

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value in {"__schema", "__type"}:
            self.refusal = Reason.INTROSPECTION

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value not in CONDITIONS:
            self.refusal = Reason.DIRECTIVE
            return
        given = (argument.value for argument in node.arguments or ())
        self.conditions.update(name for each in given if (name := _variable(each)) is not None)

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        if node.variable_definitions:
            self.refusal = Reason.FRAGMENT_VARIABLES


def _variable(node: Node) -> str | None:
    """The name of a variable; None for a literal."""
    name: Any = getattr(node, "name", None)
    return name.value if name is not None else None
