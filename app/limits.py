"""What the settings say of limits and budgets."""

from app.budgets import MemoryBudgets, SharedBudgets
from app.settings import Settings
from graph.limits.rules import Introspection, Limits


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


def budgets_of(settings: Settings) -> MemoryBudgets | SharedBudgets | None:
    """What callers may spend; None where that is not counted."""
    if not settings.budget:
        return None
    memory = MemoryBudgets(settings.budget, settings.budget_refill)
    url = settings.shared_limits_url
    return SharedBudgets(url, memory) if url else memory
