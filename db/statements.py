"""Statements as the driver takes them: SQLAlchemy writes the text of each shape once, and values are bound in order.

The rows that come back are the driver's own records.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, ParamSpec, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import orjson
from sqlalchemy import ColumnElement, Compiled, Executable, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler

P = ParamSpec("P")


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


DIALECT = asyncpg_dialect.dialect(json_serializer=_to_json)

SHAPES = 1000
"""How many shapes of statements are kept: filters can be combined in many ways."""

Parameters = Mapping[str, Any]

Row = Any
"""A row. Its columns are found by their place, which is quickest, by their name (`row["id"]`), or as attributes."""


class Record(asyncpg.Record):
    """What the driver makes of a row: its columns are attributes too."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Shape:
    """The text of a statement, and the order of its parameters."""

    __slots__ = ("_compiled", "_slots", "text")

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = cast("SQLCompiler", compiled)
        self.text = str(compiled)
        if "POSTCOMPILE" in self.text:
            raise NotImplementedError(f"IN is not bound but written, use any_of: {self.text}")
        by_name = {name: bind for bind, name in self._compiled.bind_names.items()}
        self._slots = [
            (name, by_name[name].type.dialect_impl(DIALECT).bind_processor(DIALECT))
            for name in self._compiled.positiontup or ()
        ]

    def bind(self, parameters: Parameters | None, values: Any = None) -> list[Any]:
        """What the statement takes, in order. `values` are those of a statement of the same shape."""
        given = self._compiled.construct_params(parameters, extracted_parameters=values, escape_names=False)
        return [given[name] if process is None else process(given[name]) for name, process in self._slots]

    def places(self, name: str) -> list[int]:
        """Where a parameter stands: nowhere in a statement for somebody who may see nothing (`WHERE false`)."""
        return [place for place, (each, _) in enumerate(self._slots) if each == name]


class Keyed:
    """A statement of one parameter that changes, the `keys` of `with_keys`; it was compiled with its other values."""

    __slots__ = ("_places", "_values", "shape")

    def __init__(self, statement: Executable) -> None:
        self.shape, values = shape_of(statement)
        self._values = self.shape.bind(None, values)
        self._places = self.shape.places("keys")

    def bind(self, keys: Sequence[Any]) -> list[Any]:
        values = self._values.copy()
        for place in self._places:
            values[place] = keys
        return values


def with_keys(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """`column = ANY(:keys)`, for a statement that is compiled before its keys are known."""
    return column == any_(bindparam("keys", [], ARRAY(column.type)))


def compiled_once(build: Callable[P, Executable]) -> "_Once[P]":
    """Have a function that builds a statement `with_keys` do so once for each combination of its arguments.

    They are all that the statement may depend on. A viewer is given by what it may see (`Actor.sight`).
    """
    return _Once(build)


class _Once(Generic[P]):
    def __init__(self, build: Callable[P, Executable]) -> None:
        def keyed(*given: P.args, **named: P.kwargs) -> Keyed:
            return Keyed(build(*given, **named))

        self._keyed: Any = lru_cache(maxsize=SHAPES)(keyed)

    def __call__(self, *given: P.args, **named: P.kwargs) -> Keyed:
        return self._keyed(*given, **named)


_shapes: dict[Any, Shape] = {}


def shape_of(statement: Executable, names: tuple[str, ...] | None = None) -> tuple[Shape, Any]:
    """The shape of a statement that is given parameters of these names, and the values that stand in it."""
    given: Any = statement
    # As SQLAlchemy's own execution does. It is pinned, and tests/db/test_statements.py holds it to this.
    key = given._generate_cache_key()  # noqa: SLF001
    if key is None:
        return Shape(given.compile(dialect=DIALECT)), None
    known = (key.key, names)
    shape = _shapes.get(known)
    if shape is None:
        if len(_shapes) >= SHAPES:
            _shapes.clear()
        compiled = given.compile(dialect=DIALECT, column_keys=names, for_executemany=names is not None, cache_key=key)
        shape = _shapes[known] = Shape(compiled)
    return shape, key.bindparams
