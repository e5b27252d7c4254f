"""What the settings say of limits and budgets."""

from typing import TYPE_CHECKING

from app.choices import Environment
from app.graphql.budgets import MemoryBudgets, SharedBudgets
from app.settings import Settings
from graph.limits.budgets import Budgets
from graph.limits.rules import Introspection, Limits

if TYPE_CHECKING:
    from app.valkey import Valkey

_BUDGETS = {Environment.DEVELOPMENT: 1_000_000_000, Environment.PRODUCTION: 2_000_000}


def limits_of(settings: Settings) -> Limits:
    """What operations are held to."""
    everyone = Introspection.EVERYONE if settings.is_development else Introspection.SIGNED_IN
    return Limits(
        document_chars=settings.max_document_chars,
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        fields=settings.max_fields,
        duplicates=settings.max_duplicates,
        root_fields=settings.max_root_fields,
        aliases=settings.max_aliases,
        directives=settings.max_directives,
        list_items=settings.max_list_items,
        input_depth=settings.max_input_depth,
        variables_size=settings.max_variables_size,
        cost=settings.max_cost,
        operation_seconds=settings.operation_seconds,
        report_seconds=settings.report_seconds,
        introspection=settings.introspection or everyone,
    )


def budgets_of(settings: Settings, valkey: "Valkey | None") -> Budgets | None:
    """What callers may spend, counted in `valkey` where there is one; None where that is not counted."""
    if settings.budget == 0:
        return None
    memory = MemoryBudgets(settings.budget or _BUDGETS[settings.environment], settings.budget_refill)
    return SharedBudgets(valkey, memory) if valkey else memory
