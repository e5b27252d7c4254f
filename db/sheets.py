"""Rows that the database itself writes as JSON: what of a table can be selected, and the statement for a selection.

One statement goes down all relations that are selected (docs/decisions/0020-one-statement.md). Each level is found by
what the one above refers to, every row of it once, and is written into that one from below. The rows of a level are the
same that are read by their keys alone, for one declaration makes both statements.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import count
from operator import add
from re import compile as pattern
from typing import Any, Self

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.types import TypeEngine

from db.reading import Keyset
from db.statements import with_keys, with_keys_of
from domain.actor import Actor
from domain.writing import Constant, Edge, Form, Group, Leaf, Part, Target

Condition = Callable[[Column[Any]], ColumnElement[bool]]
"""Which rows of a level are wanted, by their key."""

Piece = str | ColumnElement[Any]
"""A part of a text: as it stands, or as a row has it."""

ARGUMENTS_MAX = 50
"""How many parts are put together at once: PostgreSQL's functions take up to 100 arguments."""

KINDS: Mapping[Form, tuple[type[TypeEngine[Any]], ...]] = {
    Form.TEXT: (Text,),
    Form.NUMBER: (Integer, BigInteger),
    Form.FLAG: (Boolean,),
    Form.MOMENT: (DateTime,),
    Form.AMOUNT: (Numeric,),
    Form.ID: (Uuid,),
}
"""The columns whose values can be written in each form."""

HARMLESS = pattern(r"""[A-Za-z0-9_{}\[\]": ,.+/=-]*""")

BYTES_IN_LINE = 57
"""PostgreSQL ends a line of base64 after so many."""

RFC_3339 = 'YYYY-MM-DD"T"HH24:MI:SS.USZ'


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a table that are found by a key: `order` is that of several which belong to the same."""

    key: Column[Any]
    rows: Callable[[Actor], Select[Any]]
    """Those that a viewer may see."""
    order: Sequence[ColumnElement[Any]] = ()
    attributes: Mapping[str, ColumnElement[Any]] = field(default_factory=dict[str, ColumnElement[Any]])
    """Those that are no columns of the table under the same name."""
    secret: frozenset[str] = frozenset()
    """Columns that are never written."""

    def with_keys(self, viewer: Actor) -> Select[Any]:
        """The statement that reads the rows themselves by their keys, in order."""
        query = self.rows(viewer).where(with_keys(self.key))
        return query.order_by(self.key, *self.order) if self.order else query

    def column(self, attribute: str) -> ColumnElement[Any] | None:
        """What an attribute is; None where it cannot be selected."""
        if attribute in self.secret:
            return None
        found = self.attributes.get(attribute)
        return found if found is not None else self.key.table.c.get(attribute)

    def in_list(self, keyset: Keyset) -> Self:
        """The same rows as items of a list, each of which has its place."""
        place, tiebreak = keyset.columns
        cursor = together([f'["{keyset.name}",', *_place(place), ",", *_place(tiebreak), "]"])
        return replace(self, attributes={**self.attributes, CURSOR: sealed(cursor)})

    def writes(self, part: Part) -> bool:
        """Whether this part of an object can be written."""
        match part:
            case Constant():
                return True
            case Group():
                return all(map(self.writes, part.parts))
            case Edge():
                return self.column(part.target.key) is not None
            case Leaf(form=Form.CURSOR):
                return True
            case Leaf():
                column = self.column(part.attribute)
                if column is None or not isinstance(column.type, KINDS[part.form]):
                    return False
                return not (part.is_required and is_nullable(column))


CURSOR = ""
"""The attribute that the place of an item stands for: it is none."""

Sheets = Mapping[str, Sheet]
"""What there is, by the name of the relation that leads to it."""


def money(name: str, amount: ColumnElement[Any], currency: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """The attributes of an amount of money."""
    return {f"{name}.amount": amount, f"{name}.currency_code": currency}


def is_nullable(column: ColumnElement[Any]) -> bool:
    """Whether a row may have nothing there; what is computed always is something."""
    return isinstance(column, Column) and bool(column.nullable)


def written(sheets: Sheets, viewer: Actor, target: Target) -> Select[Any, Any, Any]:
    """The statement that writes what belongs to keys: a key, the JSON for it, and how many things that tells of."""
    level = _Levels(sheets, viewer).level(target, with_keys)
    return select(level.c.key, level.c.text, level.c.things)


def written_page(sheets: Sheets, viewer: Actor, target: Target, page: Select[Any], keyset: Keyset) -> CTE:
    """What is written of each row of a page, with the columns that hold its place."""
    return _Levels(sheets, viewer).page(target, page, keyset)


class _Levels:
    def __init__(self, sheets: Sheets, viewer: Actor) -> None:
        self._sheets, self._viewer = sheets, viewer
        self._numbers = count()

    def level(self, target: Target, wanted: Condition) -> CTE:
        """What is written for each key of a level."""
        level = _Level(self._sheets[target.relation], target, next(self._numbers))
        rows = level.sheet.rows(self._viewer).where(wanted(level.sheet.key))
        found = level.found(rows, [level.sheet.key.label("key"), *level.places])
        query, text, things = self._whole(level, found)
        if not target.is_list:
            return select(found.c.key, text.label("text"), things.label("things")).select_from(query).cte(level.name)
        order = aggregate_order_by(COMMA, *(found.c[place.key] for place in level.places))
        text = together(["[", func.string_agg(text, order), "]"])
        things = cast(func.sum(things), BigInteger)
        whole = select(found.c.key, text.label("text"), things.label("things")).select_from(query)
        return whole.group_by(found.c.key).cte(level.name)

    def page(self, target: Target, page: Select[Any], keyset: Keyset) -> CTE:
        """What is written for each row of a page."""
        level = _Level(self._sheets[target.relation].in_list(keyset), target, next(self._numbers))
        found = level.found(page, [column.label(column.key) for column in keyset.columns])
        query, text, things = self._whole(level, found)
        columns = [found.c[column.key] for column in keyset.columns]
        return select(*columns, text.label("text"), things.label("things")).select_from(query).cte(level.name)

    def _whole(self, level: "_Level", found: CTE) -> tuple[Any, ColumnElement[Any], ColumnElement[Any]]:
        """Rows with what is written below them: where they are, the text of each, and of how many things it tells."""
        pieces = [part if isinstance(part, str) else found.c[f"part_{place}"] for place, part in enumerate(level.parts)]
        texts, things, query = pieces[:1], ONE, found
        for place, edge in enumerate(level.target.edges):
            link = found.c[f"link_{place}"]
            below = self.level(edge.target, lambda key, link=link: with_keys_of(key, select(link)))
            query = query.outerjoin(below, below.c.key == link)
            texts += [func.coalesce(below.c.text, EMPTY if edge.target.is_list else NULL), pieces[place + 1]]
            things += func.coalesce(below.c.things, ZERO)
        return query, together(texts), things


class _Level:
    """The rows of one level, and what of them is needed."""

    def __init__(self, sheet: Sheet, target: Target, number: int) -> None:
        self.sheet, self.target, self._number = sheet, target, number
        self.name = f"written_{number}"
        self.parts = _parts(sheet, target.parts)
        self.places = [column.label(f"place_{place}") for place, column in enumerate(sheet.order)]

    def found(self, rows: Select[Any], columns: Sequence[ColumnElement[Any]]) -> CTE:
        """Rows, with columns and what they refer to, and what is written between relations."""
        links = [self.sheet.column(edge.target.key) for edge in self.target.edges]
        needed = [link.label(f"link_{place}") for place, link in enumerate(links) if link is not None]
        texts = [part.label(f"part_{place}") for place, part in enumerate(self.parts) if not isinstance(part, str)]
        query = rows.with_only_columns(*columns, *needed, *texts, maintain_column_froms=True)
        # Else the text of a row might be made before it is known whether the row is wanted.
        return query.cte(f"found_{self._number}").prefix_with("MATERIALIZED")


def _parts(sheet: Sheet, parts: Sequence[Part]) -> list[Piece]:
    """An object as text, cut where relations are written into it."""
    cut: list[list[Piece]] = [[]]
    for piece in _pieces(sheet, parts):
        if isinstance(piece, Edge):
            cut.append([])
        else:
            cut[-1].append(piece)
    return ["".join(map(str, each)) if is_constant(each) else together(each) for each in cut]


def _pieces(sheet: Sheet, parts: Sequence[Part]) -> Iterable[Piece | Edge]:
    yield "{"
    for place, part in enumerate(parts):
        yield f'{"," if place else ""}"{part.name}":'
        match part:
            case Constant():
                yield f'"{part.text}"'
            case Group():
                yield from _pieces(sheet, part.parts)
            case Edge():
                yield part
            case Leaf():
                yield from _leaf(sheet, part)
    yield "}"


def _leaf(sheet: Sheet, leaf: Leaf) -> Iterable[Piece]:
    column = sheet.column(leaf.attribute)
    if column is None:
        raise LookupError(f"There is no {leaf.attribute} in {sheet.key.table.name}.")
    pieces = list(_value(column, leaf))
    if is_nullable(column):
        # A text with a null in it is null, where `||` puts it together.
        texts = [quoted(piece) if isinstance(piece, str) else cast(piece, Text) for piece in pieces]
        yield func.coalesce(reduce(add, texts), NULL)
    else:
        yield from pieces


def _value(column: ColumnElement[Any], leaf: Leaf) -> Iterable[Piece]:
    """A value as it is written."""
    match leaf.form:
        case Form.TEXT:
            yield func.to_json(column)
        case Form.NUMBER:
            yield column
        case Form.FLAG:
            yield cast(column, Text)
        case Form.MOMENT:
            yield from ('"', _moment(column, RFC_3339), '"')
        case Form.ID:
            yield from ('"', sealed(together([f"{leaf.type_name}:", column]), len(leaf.type_name) + 37), '"')
        case Form.AMOUNT | Form.CURSOR:
            yield from ('"', column, '"')


def _place(column: ColumnElement[Any]) -> Iterable[Piece]:
    """A value as it stands in cursors: the text that Python makes of it, in JSON."""
    if isinstance(column.type, Text):
        yield func.to_json(column)
    elif isinstance(column.type, DateTime):
        yield from ('"', _moment(column, "YYYY-MM-DD HH24:MI:SS.US+00:00"), '"')
    else:
        yield from ('"', column, '"')


def _moment(column: ColumnElement[Any], pattern: str) -> ColumnElement[str]:
    moment = func.to_char(column.op("AT TIME ZONE")(quoted("UTC")), quoted(pattern))
    # As everywhere, no fraction is told of a full second.
    return func.replace(moment, quoted(".000000"), quoted(""))


def sealed(content: ColumnElement[Any], length: int | None = None) -> ColumnElement[Any]:
    """A text as it is opaque to clients (domain/opaque.py): URL-safe, without padding or ends of lines.

    `length` is known of texts of nothing but letters, digits, colons and hyphens: their base64 holds neither of the two
    signs that are not URL-safe. `translate` alone would do, and takes ten times as long.
    """
    text = func.encode(func.convert_to(content, quoted("UTF8")), quoted("base64"))
    if length is None:
        text = func.replace(func.replace(text, quoted("+"), quoted("-")), quoted("/"), quoted("_"))
    if length is None or length >= BYTES_IN_LINE:
        text = func.replace(text, literal_column("E'\\n'"), quoted(""))
    # They stand at the end alone, and `rtrim` counts the characters of all the text first.
    return func.replace(text, quoted("="), quoted("")) if length is None or length % 3 else text


def is_constant(pieces: Iterable[Piece]) -> bool:
    """Whether all rows have the same in this place."""
    return all(isinstance(piece, str) for piece in pieces)


def together(pieces: Iterable[Piece]) -> ColumnElement[Any]:
    """The text that all pieces make."""
    parts: list[ColumnElement[Any]] = []
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
        else:
            parts += [quoted(text), piece] if text else [piece]
            text = ""
    if text:
        parts.append(quoted(text))
    while len(parts) > ARGUMENTS_MAX:
        starts = range(0, len(parts), ARGUMENTS_MAX)
        parts = [func.concat(*parts[start : start + ARGUMENTS_MAX]) for start in starts]
    return func.concat(*parts) if len(parts) > 1 else parts[0]


def quoted(text: str) -> ColumnElement[str]:
    """A text that stands in a statement as it is: names of GraphQL, and the signs of JSON between them.

    Raises:
        ValueError: it is none of these.
    """
    if not HARMLESS.fullmatch(text):
        raise ValueError(text)
    return literal_column(f"'{text}'", Text)


NULL, EMPTY, COMMA = quoted("null"), quoted("[]"), quoted(",")
ZERO, ONE = literal_column("0", Integer), literal_column("1", Integer)
