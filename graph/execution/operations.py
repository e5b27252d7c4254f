"""The operations that were compiled, kept by their text: what is kept can neither go stale nor grow without bounds."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
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
    OperationType,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from domain.kept import Doorkeeper, Kept
from graph.execution.compile import Compiler
from graph.execution.fallback import NotCompiled, Reason, Tally
from graph.execution.kinds import Kinds
from graph.execution.plan import Plan
from graph.execution.variables import Signatures

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

Key = tuple[str, str | None]
"""The whole document and the name of the operation, which is what it is by its fragments too."""

Conditions = tuple[Any, ...]
"""The values of the variables in the `@skip` and `@include` of an operation."""


class Operations:
    """The plans of one schema."""

    def __init__(self, schema: strawberry.Schema, room: int = ROOM) -> None:
        """`room` is how many bytes are kept, about."""
        self.tally = Tally()
        self._schema = schema
        self._kinds = Kinds(schema._schema)  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        self._kept = Kept[Key, Variants](room)
        self._door = Doorkeeper()

    def plan(self, executor: "CompiledExecutor") -> Plan | None:
        """The plan of what an executor is to run, which is compiled if it is new; None where graphql-core has to."""
        try:
            plan = self._plan(executor)
        except NotCompiled as refused:
            self.tally.fallbacks[refused.reason] += 1
            return None
        self.tally.compiled += 1
        return plan

    def again(
        self, text: str, name: str | None, given: dict[str, Any], context: Any, extensions: dict[str, Any] | None
    ) -> "tuple[CompiledExecutor, Plan] | None":
        """What executes an operation that was compiled before, for what it is given now, and its plan.

        None where it has yet to be compiled, or graphql-core has to tell what is wrong with the variables.
        """
        variants = self._kept.get((text, name))
        found = variants.again(given, context, extensions) if variants is not None else None
        if found is not None:
            self.tally.compiled += 1
        return found

    def is_new(self, executor: "CompiledExecutor") -> bool:
        """Whether the operation has yet to be compiled for its variables, which takes time."""
        key = _key(executor)
        variants = self._kept.get(key) if key is not None else None
        return variants is None or variants.is_new(executor)

    def _plan(self, executor: "CompiledExecutor") -> Plan:
        if executor.middleware_manager is not None and executor.middleware_manager.middlewares:
            raise NotCompiled(Reason.MIDDLEWARE)
        if executor.abort_signal is not None:
            raise NotCompiled(Reason.ABORT_SIGNAL)
        key = _key(executor)
        if key is None:
            raise NotCompiled(Reason.NO_SOURCE)
        found = self._kept.get(key)
        variants = found or Variants(self._schema, self._kinds, partial(self._knows, key), executor)
        before = variants.fields
        try:
            return variants.plan(executor)
        finally:
            if found is None or variants.fields != before:
                size = CHARACTER * len(key[0]) + FIELD * variants.fields
                self._kept.put(key, variants, size, at_once=variants.is_watched)

    def _knows(self, key: Key, conditions: Conditions) -> bool:
        return self._door.knows((key, conditions))


def _key(executor: "CompiledExecutor") -> Key | None:
    operation = executor.operation
    if operation.loc is None:
        return None
    return operation.loc.source.body, operation.name.value if operation.name else None


class Variants:
    """One operation, compiled for each set of conditions that it was run under more than once."""

    def __init__(
        self, schema: strawberry.Schema, kinds: Kinds, knows: Callable[[Conditions], bool], executor: "CompiledExecutor"
    ) -> None:
        """`knows` tells whether the operation was compiled for a set of conditions before."""
        self._schema, self._kinds, self._knows = schema, kinds, knows
        self._operation, self._fragments = executor.operation, executor.fragments
        self._executor, self._signatures = executor.bare(), Signatures(executor.variable_values)
        survey = Survey([executor.operation, *executor.fragment_definitions.values()])
        self._conditions, self._refusal = sorted(survey.conditions), survey.refusal
        self._plans: OrderedDict[Conditions, Plan] = OrderedDict()
        self.fields = 0
        """How many fields its plans have."""
        if self._refusal is not None:
            self._tell(self._refusal)

    @property
    def is_watched(self) -> bool:
        """Whether it is a subscription, which is executed for each event."""
        return self._operation.operation is OperationType.SUBSCRIPTION

    def again(
        self, given: dict[str, Any], context: Any, extensions: dict[str, Any] | None
    ) -> "tuple[CompiledExecutor, Plan] | None":
        """An executor for what is given, and its plan, where there is one."""
        variables = self._signatures.values(given) if self._plans else None
        if variables is None:
            return None
        plan = self._plans.get(self._conditions_of(variables))
        return (self._executor.filled(variables, context, extensions), plan) if plan is not None else None

    def is_new(self, executor: "CompiledExecutor") -> bool:
        """Whether there is no plan yet for the variables of an execution, but may be one."""
        return self._refusal is None and self._conditions_of(executor.variable_values) not in self._plans

    def plan(self, executor: "CompiledExecutor") -> Plan:
        """The plan for the variables of an execution.

        Raises:
            NotCompiled: the operation is one for graphql-core.
        """
        if self._refusal is not None:
            raise NotCompiled(self._refusal)
        key = self._conditions_of(executor.variable_values)
        plan = self._plans.get(key)
        if plan is None:
            try:
                plan = self._compiled(executor.variable_values)
            except NotCompiled as refused:
                self._refusal = refused.reason
                self._tell(refused.reason)
                raise
            if self.is_watched or self._knows(key):
                self._keep(key, plan)
        return plan

    def _keep(self, key: Conditions, plan: Plan) -> None:
        self._plans[key] = plan
        self.fields += plan.size
        if len(self._plans) > VARIANTS:
            _, oldest = self._plans.popitem(last=False)
            self.fields -= oldest.size

    def _conditions_of(self, variables: VariableValues) -> Conditions:
        return tuple(map(variables.coerced.get, self._conditions)) if self._conditions else ()

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
