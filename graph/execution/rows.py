"""The code that makes rows: for each selection one loop, which reads values, tests them and writes one `dict`.

An object of which nothing is selected but what can be read off it, an amount with its currency, say, is written into
the row of what holds it.

Like the standard library's dataclasses, this writes Python and has it compiled: the loop takes half the time of one
that is put together from functions. Nothing of a request gets into the source but names, and those as literals: keys of
the answer, which the grammar of GraphQL holds to letters, digits and underscores, and attributes that the schema names.
"""

from collections.abc import Sequence
from textwrap import indent
from types import CodeType
from typing import Any

from graphql import GraphQLObjectType

from domain.kept import Kept
from graph.execution.kinds import Kinds
from graph.execution.leaves import guard
from graph.execution.plan import Complete, Field, Rows, Selection

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


ROOM = 4 << 20
"""About how many bytes of compiled source are kept."""

CODE = 4
"""About how many bytes a character of source takes with what it is compiled to."""

_compiled = Kept[str, CodeType](ROOM)


class UnusualError(Exception):
    """An object is not of the class that stands in its place most often, or is missing where it must not."""


def row_maker(graphql_type: GraphQLObjectType, fields: Sequence[Field], kinds: Kinds, rows_slowly: Rows) -> Rows:
    """The function that makes the rows of objects; `rows_slowly` does the same when a value cannot be read."""
    source = _Source(kinds)
    row = source.row("each", graphql_type, fields)
    template = ROWS if source.statements else EMPTY_ROWS
    return _function(template, "rows", {**source.names, "rows_slowly": rows_slowly}, source.statements, row=row)


def column_writer(field: Field, column_slowly: Complete) -> Complete:
    """The function that puts values of a leaf into rows; `column_slowly` does the same when one must be awaited."""
    leaf = field.shape.leaf
    if leaf is None:
        return column_slowly
    names: dict[str, Any] = {"column_slowly": column_slowly}
    return _function(COLUMN, "column", names, [guard(field, "value", names)], key=field.key)


class _Source:
    """The source of a loop over objects, as it grows: `names` are what it needs from outside."""

    def __init__(self, kinds: Kinds) -> None:
        self.statements: list[str] = []
        self.names: dict[str, Any] = {"Unusual": UnusualError}
        self._kinds = kinds
        self._variables = 0

    def row(self, holder: str, graphql_type: GraphQLObjectType, fields: Sequence[Field]) -> str:
        """The expression for the row of an object, which the variable `holder` holds."""
        values = (f"{field.key!r}: {self._value(holder, graphql_type, field)}" for field in fields)
        return f"{{{', '.join(values)}}}"

    def _value(self, holder: str, graphql_type: GraphQLObjectType, field: Field) -> str:
        """The expression for a value; null where it is put into the row later."""
        if field.name == "__typename":
            return repr(graphql_type.name)
        if field.values is not None or not field.is_read_off:
            return "None"
        variable = f"v{self._variables}"
        self._variables += 1
        if field.plain is not None:
            self.names[f"plain_{variable}"] = field.plain
            self.statements.append(f"{variable} = plain_{variable}({holder})")
        else:
            self.statements.append(f"{variable} = {holder}.{field.attribute}")
        if field.selection is not None:
            return self._object(variable, field, field.selection)
        self.statements.append(guard(field, variable, self.names))
        return variable

    def _object(self, variable: str, field: Field, selection: Selection) -> str:
        known = f"known_{variable}"
        self.names[known] = self._kinds.known(selection.type)
        unusual = f"if {variable}.__class__ not in {known}: raise Unusual"
        if field.shape.is_required:
            self.statements.append(unusual)
            return self.row(variable, selection.type, selection.fields)
        outer, self.statements = self.statements, [unusual]
        row = self.row(variable, selection.type, selection.fields)
        inner = "\n".join([*self.statements, f"{variable} = {row}"])
        self.statements = [*outer, f"if {variable} is not None:\n{indent(inner, '    ')}"]
        return variable


def _function(template: str, name: str, names: dict[str, Any], statements: Sequence[str], **parts: Any) -> Any:
    lines = indent("\n".join(statements), " " * 12)
    exec(_code(template.format(statements=lines, **parts)), names)  # noqa: S102  (see the top)
    return names[name]


def _code(source: str) -> CodeType:
    """Compiled source; selections that look alike share it."""
    code = _compiled.get(source)
    if code is None:
        code = compile(source, "<selection>", "exec")
        _compiled.put(source, code, CODE * len(source))
    return code
