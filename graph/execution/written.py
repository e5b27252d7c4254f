"""Relations that the database follows by itself: which they are, and how what it writes gets into rows.

A relation can be written if all that is selected below it are attributes and relations that can be. Where a client
takes the answer as JSON, one statement then takes the place of loaders, objects and rows
(docs/decisions/0020-one-statement.md). What cannot be had that way is read as if there were no other.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from inspect import isawaitable
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from graphql import GraphQLEnumType, GraphQLObjectType

from domain.writing import Constant, Edge, Form, Group, Leaf, Part, Target, Written
from graph.execution.plan import Complete, Field, Row, Selection, Values
from graph.node import loader_of, node_id
from graph.writing import written_by_key

if TYPE_CHECKING:
    from graph.execution.run import Run

FORMS = {
    "BigInt": Form.NUMBER,
    "Boolean": Form.FLAG,
    "DateTime": Form.MOMENT,
    "Decimal": Form.AMOUNT,
    "ID": Form.TEXT,
    "Int": Form.NUMBER,
    "String": Form.TEXT,
}
"""How scalars are written, by their names."""

NOTHING = Written("[]", 0)


def prepare_writing(root: Selection) -> None:
    """Have the lists and relations of an operation that can be written be so.

    What a loader reads for several places of an operation is left to it, for it reads that together.
    """
    uses = Counter(map(_loader, _fields(root)))
    _prepare(root, {loader for loader, times in uses.items() if loader and times > 1})


def _fields(selection: Selection) -> Iterator[Field]:
    for field in selection.fields:
        yield field
        if field.selection is not None:
            yield from _fields(field.selection)


def _loader(field: Field) -> str | None:
    """What reads the objects of a field, as far as that is known: a look-up reads by the loader of its type."""
    if field.relation is not None:
        return field.relation.loader
    return None if field.is_at_hand or field.selection is None else loader_of(field.selection.type.name)


def _prepare(selection: Selection, shared: set[str]) -> None:
    for field in selection.fields:
        target = target_of(field)
        if target is not None and shared.isdisjoint(target.relations):
            _write(field, target)
        elif field.selection is not None:
            wanted = _looked_up(field, field.selection) if field.is_item else _items_of(field.selection)
            if wanted is not None and shared.isdisjoint(wanted.relations):
                field.target = wanted
            # What is not written is objects, whose relations may be.
            _prepare(field.selection, shared)


def _looked_up(field: Field, selection: Selection) -> Target | None:
    """What is selected of a thing that is looked up; None where not all can be written."""
    relation, parts = loader_of(selection.type.name), _parts(selection)
    if relation is None or parts is None or field.shape.item is not None:
        return None
    return Target(relation, "", parts, is_list=False)


def _items_of(page: Selection) -> Target | None:
    """What is selected of the items of a page; None where they are wanted twice, or not all can be written."""
    items = [field for field in page.fields if field.is_item]
    selection = items[0].selection if len(items) == 1 and items[0].is_at_hand else None
    if selection is None:
        return None
    relation = loader_of(selection.type.name)
    parts = _parts(selection) if relation is not None else _edge(selection)
    for field in selection.fields:
        if relation is None and field.selection is not None:
            relation = loader_of(field.selection.type.name)
    return Target(relation, "", parts, is_list=False) if parts is not None and relation is not None else None


def _edge(selection: Selection) -> list[Part] | None:
    """The parts of an item with its place."""
    parts: list[Part] = []
    for field in selection.fields:
        if field.name == "__typename":
            parts.append(Constant(field.key, selection.type.name))
        elif field.attribute is None:
            return None
        elif field.selection is None:
            parts.append(Leaf(field.key, "", Form.CURSOR, is_required=True))
        elif (inner := _parts(field.selection)) is not None:
            parts.append(Group(field.key, inner))
        else:
            return None
    return parts


def target_of(field: Field) -> Target | None:
    """What is selected of a relation; None where not all of it can be written."""
    relation, selection, item = field.relation, field.selection, field.shape.item
    if relation is None or selection is None:
        return None
    is_list = item is not None
    # Every list is there, and nothing is missing in it; what one thing refers to may be missing, or hidden.
    if field.shape.is_required is not is_list or (item is not None and (item.item or not item.is_required)):
        return None
    parts = _parts(selection)
    return Target(relation.loader, relation.key, parts, is_list=is_list) if parts is not None else None


def _parts(selection: Selection, holder: str = "") -> list[Part] | None:
    """The parts of an object; `holder` is the attribute that it is, where it is one."""
    parts: list[Part] = []
    for field in selection.fields:
        part = _part(field, selection.type, holder)
        if part is None:
            return None
        parts.append(part)
    return parts


def _part(field: Field, graphql_type: GraphQLObjectType, holder: str) -> Part | None:
    if field.name == "__typename":
        return Constant(field.key, graphql_type.name)
    if field.relation is not None:
        target = None if holder else target_of(field)
        return Edge(field.key, target) if target is not None else None
    if field.plain is node_id and not holder:
        return Leaf(field.key, "id", Form.ID, is_required=True, type_name=graphql_type.name)
    if field.attribute is None:
        return None
    attribute = f"{holder}{field.attribute}"
    if field.selection is not None:
        inner = _parts(field.selection, f"{attribute}.") if field.is_read_off and field.shape.is_required else None
        return Group(field.key, inner) if inner is not None else None
    form = _form(field.shape.leaf)
    return Leaf(field.key, attribute, form, field.shape.is_required) if form is not None else None


def _form(graphql_type: Any) -> Form | None:
    if isinstance(graphql_type, GraphQLEnumType):
        members = getattr(graphql_type, "wrapped_cls", None)
        # The names of a feature's enums are what stands in the tables.
        return Form.TEXT if members is not None and all(each.value == each.name for each in members) else None
    return FORMS.get(graphql_type.name) if graphql_type is not None else None


def _write(field: Field, target: Target) -> None:
    if field.values is None:
        raise TypeError(f"{field.parent}.{field.name} is no relation.")
    field.values = _values(target, field.values)
    field.complete = taking_written(field.key, field.complete)


def _values(target: Target, ordinary: Values) -> Values:
    key_of = attrgetter(target.key)
    nothing = NOTHING if target.is_list else None

    async def write(objects: Sequence[Any], run: "Run") -> Sequence[Any]:
        keys: list[UUID | None] = list(map(key_of, objects))
        found = await written_by_key(run.executor.context_value, target, [key for key in dict.fromkeys(keys) if key])
        if found is not None:
            return [found.get(key, nothing) if key else nothing for key in keys]
        read: Any = ordinary(objects, run)
        return await read if isawaitable(read) else read

    def values(objects: Sequence[Any], run: "Run") -> Any:
        return ordinary(objects, run) if run.executor.context_value.writer is None else write(objects, run)

    return values


def taking_written(key: str, ordinary: Complete) -> Complete:
    """How values get into rows where they, or the items of lists, may be written already."""

    def complete(values: Sequence[Any], rows: Sequence[Row], run: "Run") -> None:
        if Written in {*map(_class_in, values)}:
            for row, value in zip(rows, values, strict=True):
                row[key] = value
        else:
            ordinary(values, rows, run)

    return complete


def _class_in(value: Any) -> type[Any]:
    """The class of a value; that of its items for a list of some."""
    return (value[0] if value.__class__ is list and value else value).__class__
