"""Operations that Hypothesis thinks up for a shop, with ids, cursors and words that mean something there."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from graphql import (
    REMOVE,
    ArgumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    NullValueNode,
    ObjectFieldNode,
    StringValueNode,
    Visitor,
    get_named_type,
    print_ast,
    visit,
)
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from support.shop import SCHEMA, Shop

from domain.actor import Actor

WORDS = ["SKU000", "S0", "M00001", "LON", "Customer 1", "Norway", "UTC", "nothing"]

TEXTS = {
    "BigInt": ["5", "1"],
    "Date": ["2026-03-02", "2026-03-31"],
    "DateTime": ["2026-03-02T12:00:00Z", "2026-03-02T14:00:00Z", "2027-01-01T00:00:00Z"],
    "Decimal": ["20", "5", "1e400"],
    "ID": [f"#{number}" for number in range(8)],
    "String": WORDS,
    "UUID": ["00000000-0000-0000-0000-000000000000"],
}
"""What scalars are made up of. The number of an id says which of those that may stand there it is."""

KINDS = {
    "actor": "users",
    "customer": "customers",
    "order": "orders",
    "product": "products",
    "user": "users",
    "warehouse": "warehouses",
}
"""Where ids of one kind are wanted, and which of the root's lists has such. `node` and others take any."""

EITHER = {"last": "first", "number": "id"}
"""What is left away beside what: too much would be refused for having both."""

DEEP = ("orders", "nodes", "variants", "reports", "stockMovements")
"""Where from there is far to go."""


class _Meanings(Visitor):
    """Puts ids and cursors of a shop where some must stand."""

    def __init__(self, lists: dict[str, Any]) -> None:
        """`lists` are those of the root, with their edges."""
        super().__init__()
        self._cursors = {name: [edge["cursor"] for edge in each["edges"]] for name, each in lists.items()}
        self._ids = {name: [edge["node"]["id"] for edge in each["edges"]] for name, each in lists.items()}
        self._mixed = list(chain(*zip(*self._ids.values(), strict=False)))

    def enter_argument(self, node: ArgumentNode, _key: Any, siblings: Any, _path: Any, ancestors: Any) -> Any:
        if _is_given(siblings, EITHER.get(node.name.value)):
            return REMOVE
        if node.name.value not in {"after", "before"} or not isinstance(node.value, StringValueNode):
            return None
        cursors = self._cursors[ancestors[-1].name.value]
        cursor = cursors[WORDS.index(node.value.value) % len(cursors)]
        return ArgumentNode(name=node.name, value=nodes.String(cursor))

    def enter_string_value(self, node: StringValueNode, _key: Any, parent: Any, _path: Any, ancestors: Any) -> Any:
        if not node.value.startswith("#"):
            return None
        names = [each.name.value for each in (*ancestors, parent) if isinstance(each, FieldNode | ObjectFieldNode)]
        kinds = [KINDS[name] for name in names if name in KINDS]
        ids = self._ids[kinds[-1]] if kinds else self._mixed
        return nodes.String(ids[int(node.value[1:]) % len(ids)])


def _is_given(arguments: Iterable[ArgumentNode], name: str | None) -> bool:
    return any(each.name.value == name and not isinstance(each.value, NullValueNode) for each in arguments)


async def thought_up(shop: Shop, actor: Actor) -> st.SearchStrategy[str]:
    """Queries for what an actor sees in a shop: some broad, of all that the root has, and some deep, of one field."""
    schema = SCHEMA.graphql_schema
    root = _fields_of(schema)
    lists = [name for name, field in root.items() if get_named_type(field.type).name.endswith("Connection")]
    pages = " ".join(f"{name}(first: 8) {{ edges {{ cursor node {{ id }} }} }}" for name in lists)
    meanings = _Meanings(await shop.get(f"{{ {pages} }}", actor))
    scalars = {name: st.sampled_from(texts).map(nodes.String) for name, texts in TEXTS.items()}
    scalars["Int"] = st.sampled_from([2, 3, 1, 4, 5, 6, 100, 0]).map(nodes.Int)

    def made_of(part: GraphQLSchema) -> st.SearchStrategy[str]:
        return queries(part, custom_scalars=scalars, print_ast=lambda document: print_ast(visit(document, meanings)))

    return st.one_of(made_of(schema), *(made_of(_narrowed(schema, name)) for name in DEEP))


def _narrowed(schema: GraphQLSchema, name: str) -> GraphQLSchema:
    """A schema with one field of the root, on which all is spent that an operation may have."""
    query = GraphQLObjectType("Query", {name: _fields_of(schema)[name]})
    others = [each for each in schema.type_map.values() if each.name not in {"Query", "Mutation", "Subscription"}]
    return GraphQLSchema(query, types=others, assume_valid=True)


def _fields_of(schema: GraphQLSchema) -> dict[str, GraphQLField]:
    """The fields of the root."""
    assert schema.query_type is not None
    return schema.query_type.fields
