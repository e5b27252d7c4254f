"""How large the variables of an operation are."""

from typing import Any, cast

from graph.limits.rules import LimitCode, Limits, exceeded


def check_variables(variables: dict[str, Any] | None, limits: Limits) -> None:
    """Refuse variables that are too large, too deep, or hold too long a list.

    Their size is the number of values, and of characters in texts and names. Counting stops at the first thing beyond
    a limit, so that there may be more than was found.

    Raises:
        GraphQLError: VARIABLES_TOO_LARGE, INPUT_TOO_DEEP or LIST_TOO_LONG.
    """
    if not variables:
        return
    size = 0
    # The map of the variables is no level of any of them.
    waiting: list[tuple[Any, int]] = [(variables, 0)]
    while waiting:
        value, depth = waiting.pop()
        size += 1
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict | list):
            if depth > limits.input_depth:
                raise exceeded(LimitCode.INPUT_TOO_DEEP, limits.input_depth, depth, "Levels of a variable")
            if isinstance(value, dict):
                given = cast("dict[str, Any]", value)
                size += sum(map(len, given))
                inner = list(given.values())
            else:
                inner = cast("list[Any]", value)
                if len(inner) > limits.list_items:
                    raise exceeded(LimitCode.LIST_TOO_LONG, limits.list_items, len(inner), "Items of a list")
            waiting += [(each, depth + 1) for each in inner]
        if size > limits.variables_size:
            raise exceeded(LimitCode.VARIABLES_TOO_LARGE, limits.variables_size, size, "Values and characters")
