"""Variables of an operation that was executed before are what graphql-core makes of them."""

from typing import Any, cast

import pytest
from graphql import OperationDefinitionNode, build_schema, get_variable_values, parse

from graph.execution.variables import Signatures

SCHEMA = build_schema("""
  enum Shade { LIGHT DARK }
  input Tree { name: String!, rings: Int = 3, shade: Shade, twigs: [Tree!], marks: [[Int]] }
  input Either @oneOf { name: String, number: Int }
  type Query { planted(x: Int): Int }
""")
"""Every kind of input there is."""

DEEP: dict[str, Any] = {"name": "leaf"}
for _ in range(300):
    DEEP = {"name": "twig", "twigs": [DEEP]}

CASES: list[tuple[str, list[dict[str, Any]]]] = [
    ("$n: Int!", [{"n": 3}, {}, {"n": None}, {"n": "3"}, {"n": 2.0}, {"n": 2**40}, {"n": [3]}, {"n": 3, "more": 4}]),
    ("$n: Int", [{"n": 3}, {}, {"n": None}, {"n": "3"}]),
    ("$n: Int = 7, $m: Int! = 8", [{}, {"n": None, "m": 9}, {"m": None}, {"n": 1}]),
    ("$s: String, $i: ID, $f: Float, $b: Boolean", [{"s": "x", "i": 7, "f": 1, "b": True}, {"s": 1}, {"b": "yes"}]),
    ("$e: Shade", [{"e": "LIGHT"}, {"e": "NONE"}, {"e": 1}, {"e": None}, {}]),
    ("$l: [Int!]", [{"l": [1, 2]}, {"l": 1}, {"l": [1, None]}, {"l": None}, {"l": []}, {"l": [[1]]}]),
    ("$l: [[Int]!]! = [[1]]", [{}, {"l": [[1], [None]]}, {"l": [1]}, {"l": [None]}, {"l": None}]),
    (
        "$t: Tree!",
        [
            {"t": {"name": "oak"}},
            {"t": {"name": "oak", "rings": None, "shade": "DARK", "marks": [[1], 2, None]}},
            {"t": {"name": "oak", "twigs": {"name": "twig"}}},
            {"t": {"name": "oak", "crown": 1}},
            {"t": {}},
            {"t": "oak"},
            {"t": DEEP},
            {},
        ],
    ),
    ('$t: Tree = {name: "ash", rings: null}', [{}, {"t": None}, {"t": {"name": "elm"}}]),
    ("$o: Either!", [{"o": {"name": "x"}}, {"o": {"number": 1, "name": "x"}}, {"o": {}}, {"o": {"name": None}}]),
]


def definitions(text: str) -> Any:
    """The definitions of variables in the head of an operation."""
    operation = parse(f"query ({text}) {{ __typename }}").definitions[0]
    return cast("OperationDefinitionNode", operation).variable_definitions


@pytest.mark.parametrize(("text", "given"), CASES, ids=[text for text, _ in CASES])
def test_variables_are_coerced_as_graphql_core_does_or_left_to_it(text: str, given: list[dict[str, Any]]):
    nodes = definitions(text)
    library = [get_variable_values(SCHEMA, nodes, each) for each in given]
    # Whichever execution was the first that went well: all tell the same of what variables there are.
    for first in library:
        if isinstance(first, list):
            continue
        signatures = Signatures(first)
        for each, expected in zip(given, library, strict=True):
            found = signatures.values(each)
            if isinstance(expected, list):
                assert found is None
            else:
                assert found is not None
                assert found.coerced == expected.coerced
                assert list(found.coerced) == list(expected.coerced)
                assert {name: source.value for name, source in found.sources.items()} == {
                    name: source.value for name, source in expected.sources.items()
                }


def test_nothing_that_was_given_is_kept():
    nodes = definitions("$t: Tree!")
    values = get_variable_values(SCHEMA, nodes, {"t": {"name": "a secret"}})
    assert not isinstance(values, list)

    signatures = Signatures(values)

    assert "a secret" not in repr(vars(signatures))
