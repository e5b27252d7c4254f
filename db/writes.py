"""Writes that wait for one another: the rows of a transaction, and the one statement that stores them all.

A round trip costs more than what it writes. Rows are bound as arrays, one for each column, so that the text of a
statement depends on its tables and columns alone, and is prepared once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

from db.statements import DIALECT

Rows = Sequence[Mapping[str, Any]]
Process = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Target:
    """What is written: rows of a table, new ones or known ones by their primary key."""

    table: Table
    columns: tuple[str, ...]
    is_new: bool


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
        return self._add(_Target(table, tuple(rows[0]), is_new=True), rows)

    def update(self, table: Table, rows: Rows) -> bool:
        """Add changes of rows, which hold their primary key, all of the same columns; False where they must wait."""
        return self._add(_Target(table, tuple(rows[0]), is_new=False), rows)

    def statement(self) -> tuple[str, list[Any]]:
        """The statement that writes everything, and what it is bound to."""
        text, processes = _written(tuple(self._rows))
        columns = [[row[name] for row in rows] for target, rows in self._rows.items() for name in target.columns]
        bound = zip(columns, processes, strict=True)
        return text, [values if process is None else [process(each) for each in values] for values, process in bound]

    def _add(self, target: _Target, rows: Rows) -> bool:
        known = self._tables.setdefault(target.table, target)
        # A second change of the same rows would be lost.
        if known != target or (target in self._rows and not target.is_new):
            return False
        self._rows.setdefault(target, []).extend(rows)
        return True


@lru_cache(maxsize=1000)
def _written(targets: tuple[_Target, ...]) -> tuple[str, list[Process]]:
    """The text that writes to all targets, and what makes a value what the driver takes."""
    parts: list[str] = []
    processes: list[Process] = []
    for target in targets:
        kinds = [target.table.c[name].type for name in target.columns]
        first = len(processes) + 1
        arrays = ", ".join(f"${place}::{_name(kind)}[]" for place, kind in enumerate(kinds, first))
        processes += [kind.dialect_impl(DIALECT).bind_processor(DIALECT) for kind in kinds]
        parts.append(_part(target, f"unnest({arrays}) AS given ({', '.join(target.columns)})"))
    *others, last = parts
    named = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(others, 1))
    return (f"WITH {named} {last}" if named else last), processes


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
