"""Requests that somebody sends to do harm, as data: a name, the body, and the code with which it is refused.

One list for all ways in: what is refused in the process is refused over HTTP and on a socket. To add one, add a line.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson


@dataclass(frozen=True)
class Hostile:
    """A request that must be refused with a code, and at next to no cost."""

    name: str
    query: str
    code: str
    variables: dict[str, Any] = field(default_factory=dict)
    is_json: bool = True
    """Whether it is read at all, where it comes as JSON."""

    @property
    def sent(self) -> bytes:
        """The body of a request."""
        return encoded({"query": self.query, "variables": self.variables})


def encoded(value: Any) -> bytes:
    """JSON, of whatever no library would encode too."""
    levels = 0
    while isinstance(value, list) and len(value) == 1:
        levels, value = levels + 1, value[0]
    if isinstance(value, dict):
        inner = b"{%b}" % b",".join(b"%b:%b" % (orjson.dumps(name), encoded(each)) for name, each in value.items())
    elif isinstance(value, int) and value > 1 << 64:
        inner = str(Decimal(value)).encode()
    else:
        inner = orjson.dumps(value)
    return b"[" * levels + inner + b"]" * levels


ORDERS = "query ($filter: OrderFilter) { orders(filter: $filter) { totalCount } }"
TAKE = 'tokenCreate(input: {username: "admin", password: "guess"}) { accessToken }'
ENDLESS = "types { fields { type { fields { type { fields { type { fields { name } } } } } } } }"
WIDE = "types { fields { type { fields { type { name } } } } }"


def many(template: str, count: int) -> str:
    """The template so many times, each with its number in the place of `@`."""
    return " ".join(template.replace("@", str(index)) for index in range(count))


def nested(levels: int, innermost: Any = 1) -> Any:
    """A list in a list in a list."""
    value = innermost
    for _ in range(levels):
        value = [value]
    return value


def doubling(levels: int, inner: str, last: str) -> str:
    """Fragments of which each holds the next twice."""
    chain = many("fragment F@ on User { " + inner + " }", levels)
    for index in range(levels):
        chain = chain.replace(f"NEXT{index} ", f"...F{index + 1} ")
    return f"{{ me {{ ...F0 }} }} {chain} fragment F{levels} on User {{ {last} }}"


def documents() -> Iterator[Hostile]:
    """What does harm by its document."""
    yield Hostile("a megabyte of braces", "{" * 1_000_000, "DOCUMENT_TOO_LONG")
    yield Hostile("a megabyte of spaces", " " * 1_000_000 + "{ me { id } }", "DOCUMENT_TOO_LONG")
    yield Hostile("as many braces as a document may have characters", "{" * 65_536, "GRAPHQL_PARSE_FAILED")
    yield Hostile("braces that are fields", "{ a " * 10_000, "GRAPHQL_PARSE_FAILED")
    yield Hostile("nothing but a remark", "#" + "x" * 65_000, "GRAPHQL_PARSE_FAILED")
    yield Hostile("ten thousand remarks", "#\n" * 10_000 + "{ me { id } }", "TOO_MANY_TOKENS")
    yield Hostile("ten thousand fields", "{ me { " + "id " * 10_000 + "} }", "TOO_MANY_TOKENS")
    yield Hostile("ten thousand aliases", "{ me { " + "a:id " * 10_000 + "} }", "TOO_MANY_TOKENS")
    yield Hostile("ten thousand directives", "{ me { id " + "@a " * 10_000 + "} }", "TOO_MANY_TOKENS")
    yield Hostile("ten thousand fragments", "{ " + "...F " * 10_000 + "}", "TOO_MANY_TOKENS")
    yield Hostile("a hundred aliases and one", "{ me { " + many("a@: id", 101) + " } }", "TOO_MANY_ALIASES")
    yield Hostile("directives", "{ me { id " + "@include(if: true) " * 51 + "} }", "TOO_MANY_DIRECTIVES")
    yield Hostile("a field again and again", "{ me { " + "id " * 900 + "} }", "TOO_MANY_DUPLICATES")
    yield Hostile("an object again and again", "{ me { " + "customer { id } " * 400 + "} }", "TOO_MANY_DUPLICATES")
    yield Hostile("passwords to guess", f"mutation {{ {many('a@: ' + TAKE, 21)} }}", "TOO_MANY_ROOT_FIELDS")
    yield Hostile(
        "fragments for a billion fields",
        doubling(30, "a: customer { user { NEXT@ } } b: customer { user { NEXT@ } }", "id"),
        "TOO_DEEP",
    )
    yield Hostile("fragments for a billion names", doubling(30, "NEXT@ NEXT@ ", "id"), "TOO_MANY_FIELDS")
    yield Hostile("fragments for a billion times nothing", doubling(30, "NEXT@ NEXT@ ", ""), "TOO_MANY_FIELDS")
    yield Hostile("a fragment in itself", "{ me { ...A } } fragment A on User { ...A }", "GRAPHQL_VALIDATION_FAILED")
    yield Hostile(
        "fragments in a circle",
        "{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
        "GRAPHQL_VALIDATION_FAILED",
    )
    yield Hostile("a long chain of fragments", doubling(150, "NEXT@ ", "id"), "TOO_DEEP")
    yield Hostile("fragments in fragments", "{ me { " + "... { " * 150 + "id" + " }" * 150 + " } }", "TOO_DEEP")
    yield Hostile("levels", "{ me { " + "customer { user { " * 6 + "id" + " } }" * 6 + " } }", "TOO_DEEP")
    yield Hostile("unknown fields", "{ me { " + many("x@", 900) + " } }", "GRAPHQL_VALIDATION_FAILED")
    yield Hostile("unknown arguments", "{ me { id(" + many("x@: 1", 600) + ") } }", "GRAPHQL_VALIDATION_FAILED")
    yield Hostile(
        "unknown variables", "query (" + many("$v@: Int", 450) + ") { me { id } }", "GRAPHQL_VALIDATION_FAILED"
    )
    yield Hostile("operations", many("query Q@ { me { id } }", 200), "GRAPHQL_VALIDATION_FAILED")
    yield Hostile(
        "a number of thousands of digits",
        f"{{ orders(first: {'9' * 5000}) {{ totalCount }} }}",
        "GRAPHQL_VALIDATION_FAILED",
    )
    yield Hostile(
        "a list in the document",
        "{ orders(filter: {number: {in: [" + '"a" ' * 501 + "]}}) { totalCount } }",
        "LIST_TOO_LONG",
    )
    yield Hostile(
        "lists in lists in the document", "{ nodes(ids: " + "[" * 150 + "]" * 150 + ") { id } }", "INPUT_TOO_DEEP"
    )
    yield Hostile("introspection without end", f"{{ __schema {{ {ENDLESS} }} }}", "GRAPHQL_VALIDATION_FAILED")
    yield Hostile(
        "introspection by fragments",
        f"{{ __schema {{ {many('a@: types { ...T }', 40)} }} }}"
        " fragment T on __Type { fields { type { fields { type { name } } } } }",
        "COST_TOO_HIGH",
    )
    yield Hostile("introspection many times over", f"{{ __schema {{ {many('a@: ' + WIDE, 60)} }} }}", "COST_TOO_HIGH")
    yield Hostile(
        "pages of pages", "{ customers(first: 100) { nodes { orders(first: 100) { nodes { id } } } } }", "COST_TOO_HIGH"
    )
    yield Hostile(
        "lists of lists",
        f"{{ products(first: 100) {{ nodes {{ {'variants { product { ' * 4} id {'} }' * 4} }} }} }}",
        "COST_TOO_HIGH",
    )


def inputs() -> Iterator[Hostile]:
    """What does harm by its variables."""
    within = {"number": {"in": nested(1)}}
    yield Hostile(
        "a list of half a thousand items and one", ORDERS, "LIST_TOO_LONG", {"filter": {"number": {"in": ["a"] * 501}}}
    )
    yield Hostile(
        "a list of a hundred thousand items", ORDERS, "LIST_TOO_LONG", {"filter": {"number": {"in": ["a"] * 100_000}}}
    )
    yield Hostile("lists in lists", ORDERS, "INPUT_TOO_DEEP", {"filter": nested(10_000)}, is_json=False)
    yield Hostile("lists in what nobody asked for", ORDERS, "INPUT_TOO_DEEP", {"filter": within, "more": nested(11)})
    yield Hostile(
        "a text of a hundred thousand characters",
        ORDERS,
        "VARIABLES_TOO_LARGE",
        {"filter": {"number": {"eq": "x" * 100_000}}},
    )
    yield Hostile("names of a hundred thousand characters", ORDERS, "VARIABLES_TOO_LARGE", {"x" * 100_000: 1})
    yield Hostile(
        "ever so many values", ORDERS, "VARIABLES_TOO_LARGE", {f"v{index}": [0] * 500 for index in range(200)}
    )
    yield Hostile(
        "a number that is none of 32 bits",
        "query ($n: Int) { orders(first: $n) { totalCount } }",
        "GRAPHQL_VALIDATION_FAILED",
        {"n": 10**5000},
        is_json=False,
    )


CORPUS = (*documents(), *inputs())
