"""The code that makes rows: for each selection one loop, which reads attributes, tests them and writes one `dict`.

Like the standard library's dataclasses, this writes Python and has it compiled: the loop takes half the time of one
that is put together from functions. Nothing of a request gets into the source but names, and those as literals: keys of
the answer, which the grammar of GraphQL holds to letters, digits and underscores, and attributes that the schema names.
"""

from collections.abc import Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

from graphql import GraphQLObjectType

from graph.execution.leaves import guard
from graph.execution.plan import Complete, Field, Rows

ROWS = """
def rows(objects, run):
    made = []
    add = made.append
    try:
        for each in objects:
            {statements}
            add({row})
    except Exception:
        return rows_slowly(objects, run)
    return made
"""

EMPTY_ROWS = """
def rows(objects, run):
    return [{row} for each in objects]
"""

COLUMN = """
def column(values, rows, run):
    try:
        for value, row in zip(values, rows, strict=True):
            {statements}
            row[{key!r}] = value
    except Exception:
        column_slowly(values, rows, run)
"""


def row_maker(graphql_type: GraphQLObjectType, fields: Sequence[Field], rows_slowly: Rows) -> Rows:
    """The function that makes the rows of objects; `rows_slowly` does the same when an attribute cannot be read."""
    names: dict[str, Any] = {"rows_slowly": rows_slowly}
    statements: list[str] = []
    items: list[str] = []
    for number, field in enumerate(fields):
        leaf = field.shape.leaf
        if field.name == "__typename":
            items.append(f"{field.key!r}: {graphql_type.name!r}")
        elif field.values is not None or leaf is None:
            items.append(f"{field.key!r}: None")
        else:
            variable = f"v{number}"
            statements += [f"{variable} = each.{field.attribute}", guard(field, variable, names)]
            items.append(f"{field.key!r}: {variable}")
    template = ROWS if statements else EMPTY_ROWS
    return _function(template, "rows", names, statements, row=f"{{{', '.join(items)}}}")


def column_writer(field: Field, column_slowly: Complete) -> Complete:
    """The function that puts values of a leaf into rows; `column_slowly` does the same when one must be awaited."""
    leaf = field.shape.leaf
    if leaf is None:
        return column_slowly
    names: dict[str, Any] = {"column_slowly": column_slowly}
    return _function(COLUMN, "column", names, [guard(field, "value", names)], key=field.key)


def _function(template: str, name: str, names: dict[str, Any], statements: list[str], **parts: Any) -> Any:
    lines = "\n".join(statements).replace("\n", "\n            ")
    exec(_code(template.format(statements=lines, **parts)), names)  # noqa: S102  (see the top)
    return names[name]


@lru_cache(1024)
def _code(source: str) -> CodeType:
    """Compiled source; selections that look alike share it."""
    return compile(source, "<selection>", "exec")
