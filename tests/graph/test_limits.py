"""How large a document and its variables may be: on both sides of each limit, and however fragments fold it."""

import time
import tracemalloc
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query, parse
from support.measuring import unmeasured
from support.shop import SCHEMA, Shop

from graph.limits.documents import ROOM, Documents
from graph.limits.rules import LimitCode
from graph.limits.structure import Structure, measured

FILTER = "query ($filter: OrderFilter) { orders(filter: $filter) { totalCount } }"


def me(selection: str) -> str:
    return f"{{ me {{ {selection} }} }}"


def counted(text: str) -> Structure:
    return measured(parse(text))


LIMITS: dict[str, tuple[LimitCode, int, Any]] = {
    # The limit, and a document that has so many.
    "document_chars": (LimitCode.DOCUMENT_TOO_LONG, 300, lambda count: me("id").ljust(count)),
    "tokens": (LimitCode.TOO_MANY_TOKENS, 60, lambda count: me("id " * (count - 5))),
    "depth": (
        LimitCode.TOO_DEEP,
        4,
        lambda count: "{ customer(id: 1) { user {" + " customer {" * (count - 2) + "id" + "}" * (count + 1),
    ),
    "fields": (LimitCode.TOO_MANY_FIELDS, 30, lambda count: me("id " * (count - 1))),
    "duplicates": (LimitCode.TOO_MANY_DUPLICATES, 5, lambda count: me("id " * (count + 1))),
    "root_fields": (LimitCode.TOO_MANY_ROOT_FIELDS, 3, lambda count: f"{{ {'__typename ' * count} }}"),
    "aliases": (LimitCode.TOO_MANY_ALIASES, 7, lambda count: me(" ".join(f"a{each}: id" for each in range(count)))),
    "directives": (
        LimitCode.TOO_MANY_DIRECTIVES,
        2,
        lambda count: me(" ".join(f"a{each}: id @skip(if: true)" for each in range(count))),
    ),
    "list_items": (LimitCode.LIST_TOO_LONG, 4, lambda count: f"{{ nodes(ids: [{'1 ' * count}]) {{ id }} }}"),
    "input_depth": (
        LimitCode.INPUT_TOO_DEEP,
        3,
        lambda count: f"{{ nodes(ids: {'[' * count + ']' * count}) {{ id }} }}",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_a_document_may_have_so_many_and_not_one_more(shop: Shop, name: str):
    code, limit, document = LIMITS[name]
    strict = shop.held_to(limits={name: limit})

    within, beyond = await strict.run(document(limit)), await strict.run(document(limit + 1))

    assert code.value not in {error["extensions"]["code"] for error in within.errors}
    [error] = beyond.errors
    # Of tokens no more are read than are allowed.
    found = {} if name == "tokens" else {"found": limit + 1}
    assert error["extensions"] == {"code": code.value, "limit": limit, **found}
    assert str(limit) in error["message"]
    assert (beyond.data, beyond.statements, beyond.cost) == (None, 0, {})


VARIABLES: dict[str, tuple[LimitCode, int, Any]] = {
    "list_items": (LimitCode.LIST_TOO_LONG, 4, lambda count: {"filter": {"number": {"in": ["a"] * count}}}),
    # The map, the filter, the condition and its text; and the characters of their names.
    "variables_size": (
        LimitCode.VARIABLES_TOO_LARGE,
        90,
        lambda count: {"filter": {"number": {"eq": "x" * (count - 18)}}},
    ),
}


async def test_variables_may_be_so_large_and_not_larger(shop: Shop):
    for name, (code, limit, variables) in VARIABLES.items():
        strict = shop.held_to(limits={name: limit})

        within, beyond = await strict.run(FILTER, **variables(limit)), await strict.run(FILTER, **variables(limit + 1))

        assert within.errors == []
        [error] = beyond.errors
        assert error["extensions"] == {"code": code.value, "limit": limit, "found": limit + 1}
        assert beyond.statements == 0


async def test_variables_may_be_so_deep_and_not_deeper(shop: Shop):
    strict = shop.held_to(limits={"input_depth": 3})

    within = await strict.run(FILTER, filter={"number": {"in": ["a"]}})
    beyond = await strict.run(FILTER, filter={"number": {"in": [["a"]]}})

    assert within.errors == []
    assert [error["extensions"] for error in beyond.errors] == [
        {"code": "INPUT_TOO_DEEP", "limit": 3, "found": 4},
    ]


def test_what_a_fragment_holds_counts_wherever_it_is_spread():
    whole = counted("{ me { a: id @skip(if: true) customer { id } a: id @skip(if: true) customer { id } } }")
    folded = counted("{ me { ...F ... { ...F } } } fragment F on User { a: id @skip(if: true) customer { id } }")

    assert (folded.depth, folded.aliases, folded.directives, folded.duplicates) == (2, 2, 2, 2)
    assert (whole.depth, whole.aliases, whole.directives, whole.duplicates) == (2, 2, 2, 2)
    # Of the fragments themselves there are three.
    assert folded.fields == whole.fields + 3


def test_what_stands_for_a_billion_fields_is_counted_in_no_time():
    fragments = "".join(f"fragment F{each} on User {{ ...F{each + 1} ...F{each + 1} }} " for each in range(30))
    document = parse(f"{{ me {{ ...F0 }} }} {fragments} fragment F30 on User {{ id }}")

    started = time.process_time()
    found = measured(document)

    assert found.fields > 2**30
    assert time.process_time() - started < 0.05


def test_the_largest_of_several_operations_counts():
    found = counted("query A { me { id } } query B { me { id customer { id name } } } query C { me { a: id } }")

    assert (found.depth, found.fields, found.aliases, found.root_fields) == (2, 5, 1, 1)


def test_a_fragment_within_itself_cannot_be_counted():
    with pytest.raises(GraphQLError, match="Cannot spread fragment 'A' within itself"):
        counted("{ me { ...A } } fragment A on User { customer { user { ...A } } }")


def test_unknown_fragments_are_left_to_validation():
    assert counted("{ me { ...Nothing } }").fields == 2


async def test_a_client_that_asks_for_the_whole_schema_gets_it(shop: Shop):
    query = get_introspection_query(specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True)

    answer = await shop.run(query)

    assert answer.errors == []
    assert answer.data["__schema"]["queryType"]["name"] == "Query"


def test_a_document_that_comes_again_is_read_validated_and_priced_for_the_last_time(shop: Shop):
    documents, limits = Documents(), shop.process.services.limits

    first, second, third = [documents.get("{ me { id } }", limits) for _ in range(3)]

    assert first is not second
    assert second is third
    assert second.validate(SCHEMA.graphql_schema) is third.validate(SCHEMA.graphql_schema)
    assert second.price(SCHEMA.graphql_schema, None) is third.price(SCHEMA.graphql_schema, None)


def test_documents_that_come_once_leave_nothing_and_push_out_nothing(shop: Shop):
    documents, limits = Documents(), shop.process.services.limits
    for _ in range(2):
        documents.get("{ me { id } }", limits)

    for number in range(2000):
        documents.get(f"{{ me {{ a{number}: id }} }}", limits)

    assert len(documents) == 1
    assert not documents.is_new("{ me { id } }", limits)


def test_the_document_of_a_subscription_is_kept_at_once_for_it_is_read_again(shop: Shop):
    documents, limits = Documents(), shop.process.services.limits

    first, second = [documents.get("subscription { orderStatusChanged { to } }", limits) for _ in range(2)]

    assert first is second


def test_no_more_documents_are_kept_than_there_is_room_for_and_no_long_ones(shop: Shop):
    room = ROOM // 8
    documents, limits = Documents(room), shop.process.services.limits
    dense = " ".join(f"a{number}: id" for number in range(90))

    with unmeasured():
        tracemalloc.start()
        try:
            # Each takes about a hundred kilobytes, and its price as much again.
            for number in range(25):
                for _ in range(2):
                    documents.get(f"{{ me {{ {dense} }} b{number}: __typename }}", limits)
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    kept = len(documents)
    for _ in range(2):
        documents.get("{ me { id } }".ljust(20_000), limits)

    assert 12 < kept < 25
    assert len(documents) == kept
    assert taken < room


def test_of_many_operations_in_a_document_one_price_is_kept(shop: Shop):
    text = " ".join(f"query Q{number} {{ orders(first: {number}) {{ nodes {{ id }} }} }}" for number in range(1, 4))
    known = Documents().get(text, shop.process.services.limits)

    prices = [known.price(SCHEMA.graphql_schema, name).requested({}) for name in ("Q1", "Q3", "Q1")]

    assert prices == [1, 3, 1]


async def test_what_was_kept_is_held_to_the_limits_of_today(shop: Shop):
    query = me("a: id b: id")

    answers = [await each.run(query) for each in (shop, shop.held_to(limits={"aliases": 1}))]

    assert [[error["extensions"]["code"] for error in each.errors] for each in answers] == [[], ["TOO_MANY_ALIASES"]]
