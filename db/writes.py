"""Writes that wait for one another: the rows of a transaction, and the one statement that stores them all.

A round trip costs more than what it writes. Few rows are written as VALUES, which both the driver and PostgreSQL take
most easily; many are bound as arrays, one for each column, so that there are not as many statements to prepare as there
are numbers of rows.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, count
from operator import itemgetter
from typing import Any

from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

from db.statements import DIALECT

Rows = Sequence[Mapping[str, Any]]

FEW = 4
"""So many rows of a table are written as VALUES."""


class _Target:
    """What is written: rows of a table, new ones or known ones by their primary key. There is one of each."""

    __slots__ = ("_processed", "_take", "columns", "is_new", "kinds", "table")

    def __init__(self, table: Table, columns: tuple[str, ...], is_new: bool) -> None:
        self.table, self.columns, self.is_new = table, columns, is_new
        self.kinds: list[TypeEngine[Any]] = [table.c[name].type for name in columns]
        processes = [kind.dialect_impl(DIALECT).bind_processor(DIALECT) for kind in self.kinds]
        self._processed = [(place, process) for place, process in enumerate(processes) if process is not None]
        # Of a single name it would give the value itself.
        self._take = itemgetter(*columns, columns[0])

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        """The values of a row as the driver takes them, by column."""
        *values, _ = self._take(row)
        for place, process in self._processed:
            values[place] = process(values[place])
        return values


_target = lru_cache(maxsize=1000)(_Target)


class Writes:
    """What is to be written together.

    The parts of one statement do not see one another: they are of one snapshot. So none of them changes a table that
    another part writes to; what does has to wait for the next statement.
    """

    __slots__ = ("_rows", "_tables")

    def __init__(self) -> None:
        self._rows: dict[_Target, list[Mapping[str, Any]]] = {}
        self._tables: dict[Table, _Target] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def insert(self, table: Table, rows: Rows) -> bool:
        """Add new rows, all of the same columns; False where they must wait."""
        return self._add(_target(table, tuple(rows[0]), is_new=True), rows)

    def update(self, table: Table, rows: Rows) -> bool:
        """Add changes of rows, which hold their primary key, all of the same columns; False where they must wait."""
        return self._add(_target(table, tuple(rows[0]), is_new=False), rows)

    def statement(self) -> tuple[str, list[Any]]:
        """The statement that writes everything, and what it is bound to."""
        text = _written(tuple((each, _few(rows)) for each, rows in self._rows.items()))
        bound: list[Any] = []
        for target, rows in self._rows.items():
            values = [target.values(row) for row in rows]
            bound += chain(*values) if _few(rows) else map(list, zip(*values, strict=True))
        return text, bound

    def _add(self, target: _Target, rows: Rows) -> bool:
        known = self._tables.setdefault(target.table, target)
        # A second change of the same rows would be lost.
        if known is not target or (target in self._rows and not target.is_new):
            return False
        self._rows.setdefault(target, []).extend(rows)
        return True


def _few(rows: Rows) -> int:
    """How many rows there are, if they are few; 0 for many."""
    return len(rows) if len(rows) <= FEW else 0


@lru_cache(maxsize=1000)
def _written(targets: tuple[tuple[_Target, int], ...]) -> str:
    """The text that writes to all targets, of few rows or of many."""
    parts: list[str] = []
    places = count(1)
    for target, few in targets:
        names = [_name(kind) for kind in target.kinds]
        if few:
            rows = (", ".join(f"${next(places)}::{name}" for name in names) for _ in range(few))
            given = f"(VALUES ({'), ('.join(rows)}))"
        else:
            given = f"unnest({', '.join(f'${next(places)}::{name}[]' for name in names)})"
        parts.append(_part(target, f"{given} AS given ({', '.join(target.columns)})"))
    *others, last = parts
    named = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(others, 1))
    return f"WITH {named} {last}" if named else last


def _name(kind: TypeEngine[Any]) -> str:
    # How a column is sorted is no matter of what is given.
    return kind.compile(DIALECT).partition(" COLLATE")[0]


def _part(target: _Target, given: str) -> str:
    table, columns = target.table.name, ", ".join(target.columns)
    if target.is_new:
        return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {given}"  # noqa: S608  (names of our own)
    keys = [column.name for column in target.table.primary_key]
    changes = ", ".join(f"{name} = given.{name}" for name in target.columns if name not in keys)
    same = " AND ".join(f"{table}.{key} = given.{key}" for key in keys)
    return f"UPDATE {table} SET {changes} FROM {given} WHERE {same}"  # noqa: S608  (as above)
