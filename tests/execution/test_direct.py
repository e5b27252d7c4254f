"""The direct way of an operation, and the library's with its hooks: the same gates, the same answers."""

from collections.abc import Callable
from typing import Any

import pytest
from factories.people import make_admin
from factories.whole_shop import make_whole_shop
from hostile.corpus import CORPUS
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType
from support.shop import Shop

from app.graphql.budgets import MemoryBudgets
from graph.limits.gates import Gates
from graph.schema import build_schema

DIRECT, LIBRARY = build_schema(), build_schema()
LIBRARY.direct = None
"""Compiled all the same, but with the library's hooks around it."""

GATES = ("read", "validate", "price", "turn", "pay", "settle", "told")

TWO = "query A { orders(first: 1) { totalCount } } query B { me { id } }"
PAGED = """query ($n: Int = 2, $s: [OrderStatus!], $v: Int) {
  orders(first: $n, last: $v, filter: {status: {in: $s}}) { nodes { number } }
}"""
OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("{ orders(first: 2) { totalCount nodes { number } } }", {}),
    ("query ($n: Int!) { orders(first: $n) { nodes { number } } }", {"n": 2}),
    ("query ($n: Int!) { orders(first: $n) { nodes { number } } }", {"n": "two"}),
    ("query ($n: Int!) { orders(first: $n) { nodes { number } } }", {}),
    *(
        (PAGED, variables)
        for variables in ({}, {"n": None}, {"n": 1}, {"s": None}, {"n": 3, "s": ["PENDING"]}, {"s": 1})
    ),
    ("{ orders(first: 1000) { totalCount } me { id } }", {}),
    ('{ variant(sku: "nothing") { sku } node(id: "nothing") { id } }', {}),
    ("{ __schema { queryType { name } } }", {}),
    ("{ __typename }", {}),
    ("{ nothing }", {}),
    ("{ me { id", {}),
    (TWO, {}),
    (f"{TWO} fragment", {}),
    ('mutation { tokenRevoke(input: {refreshToken: "nothing"}) { userErrors { code } } }', {}),
    ("mutation { nothing }", {}),
)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The gates that operations pass, in their order."""
    passed: list[str] = []

    def noting(name: str, gate: Callable[..., Any]) -> Callable[..., Any]:
        def noted(self: Gates, *given: Any) -> Any:
            passed.append(name)
            return gate(self, *given)

        return noted

    for name in GATES:
        monkeypatch.setattr(Gates, name, noting(name, getattr(Gates, name)))
    return passed


async def both(shop: Shop, *given: Any, **variables: Any) -> list[Any]:
    """What each of the two ways answers."""
    answers = []
    for schema in (LIBRARY, DIRECT):
        shop.schema = schema
        answer = await shop.run(*given, **variables)
        answers.append((answer.data, answer.errors, answer.statements, answer.cost.get("requested")))
    return answers


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_operations_pass_the_same_gates_and_are_answered_the_same(
    shop: Shop, passed: list[str], is_signed_in: bool
):
    admin = (await make_whole_shop(shop.database, 4)).admin if is_signed_in else None
    for query, variables in OPERATIONS:
        # What was seen before is known.
        for _ in range(2):
            passed.clear()
            by_library, direct = await both(shop, query, admin, **variables)

            assert by_library == direct
            half = len(passed) // 2
            assert without_telling(passed[:half]) == without_telling(passed[half:]), query


def without_telling(passed: list[str]) -> list[str]:
    """The gates; what they cost is asked for only where there is something to tell."""
    return [gate for gate in passed if gate != "told"]


async def test_what_is_executed_passes_every_gate(shop: Shop, passed: list[str]):
    for schema in (LIBRARY, DIRECT):
        passed.clear()
        shop.schema = schema
        await shop.get("{ orders(first: 2) { totalCount } }")

        assert tuple(passed) == GATES


async def test_the_hostile_corpus_is_refused_the_same(shop: Shop):
    admin = await make_admin(shop.database)
    for hostile in CORPUS:
        by_library, direct = await both(shop, hostile.query, admin, **hostile.variables)

        assert by_library == direct, hostile.name


async def test_limits_of_callers_hold_for_both(shop: Shop):
    budgets = MemoryBudgets(10, 1)
    strict = shop.held_to(budgets=budgets, limits={"operation_seconds": 5})

    told = await both(strict, "{ orders(first: 10) { totalCount } }")

    assert [errors[0]["extensions"]["code"] for _, errors, _, _ in told] == ["BUDGET_SPENT"] * 2


@pytest.mark.parametrize("schema", [LIBRARY, DIRECT])
async def test_what_may_not_be_run_is_told_before_it_is_validated(shop: Shop, schema: Any):
    context = shop.context()

    with pytest.raises(InvalidOperationTypeError):
        await schema.execute(
            "mutation { nothing }", context_value=context, allowed_operation_types=[OperationType.QUERY]
        )
    with pytest.raises(InvalidOperationTypeError):
        await schema.execute("subscription { orderStatusChanged { to } }", context_value=context)
    with pytest.raises(CannotGetOperationTypeError):
        await schema.execute("query A { nothing }", context_value=context, operation_name="B")
    with pytest.raises(CannotGetOperationTypeError):
        await schema.execute("fragment A on Query { me { id } }", context_value=context)
