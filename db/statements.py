"""Statements as the driver takes them: SQLAlchemy writes the text of each shape once, and values are bound in order.

The rows that come back are the driver's own records.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVarTuple, cast
from uuid import UUID

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import orjson
from sqlalchemy import BindParameter, ColumnElement, Compiled, Executable, Select, any_, bindparam, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from domain.actor import Actor

Ts = TypeVarTuple("Ts")


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()


DIALECT = asyncpg_dialect.dialect(json_serializer=_to_json)

SHAPES = 1000
"""How many shapes of statements are kept: filters can be combined in many ways."""

Parameters = Mapping[str, Any]

Processor = Callable[[Any], Any]

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

    __slots__ = ("_compiled", "slots", "text")

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = cast("SQLCompiler", compiled)
        self.text = str(compiled)
        if self._compiled.post_compile_params or self._compiled.literal_execute_params:
            raise NotImplementedError(f"IN is not bound but written, use any_of: {self.text}")
        by_name = {name: bind for bind, name in self._compiled.bind_names.items()}
        self.slots: list[tuple[BindParameter[Any], str, Processor | None]] = [
            (by_name[name], name, by_name[name].type.dialect_impl(DIALECT).bind_processor(DIALECT))
            for name in self._compiled.positiontup or ()
        ]
        """Each parameter, its name, and what makes of a value what the driver takes."""

    def bind(self, parameters: Parameters | None, values: Any = None) -> list[Any]:
        """What the statement takes, in order. `values` are those of a statement of the same shape."""
        given = self._compiled.construct_params(parameters, extracted_parameters=values, escape_names=False)
        return [given[name] if process is None else process(given[name]) for _, name, process in self.slots]


SOMEBODY = UUID(int=0)
"""Who looks, in a statement that is written for all who have the same rights. Nobody has this id."""


Rights = tuple[bool, bool, frozenset[str]]
"""All of a viewer that decides the text of a statement: whether they are somebody, are admin, and their scopes."""


def rights_of(viewer: Actor) -> Rights:
    """What the statements of a viewer are told apart by."""
    return viewer.user_id is not None, viewer.is_admin, viewer.scopes


def somebody_with(rights: Rights) -> Actor:
    """Who looks, in a statement for all who have these rights."""
    is_signed_in, is_admin, scopes = rights
    return Actor(SOMEBODY if is_signed_in else None, is_admin=is_admin, scopes=scopes)


class Prepared:
    """A statement that is written once; what it is given by name, and whose sight it is, changes."""

    __slots__ = ("_named", "_theirs", "_values", "once", "text")

    def __init__(self, statement: Any) -> None:
        shape = Shape(statement.compile(dialect=DIALECT))
        self.text = shape.text
        self.once = False
        """Whether it is not kept, so that nobody else need keep it either."""
        self._values: list[Any] = []
        self._named: list[tuple[int, str, Processor | None]] = []
        self._theirs: list[int] = []
        for place, (bind, name, process) in enumerate(shape.slots):
            value = bind.effective_value
            if not bind.unique:
                self._named.append((place, name, process))
            elif value == SOMEBODY:
                self._theirs.append(place)
            self._values.append(value if process is None or not bind.unique else process(value))

    @property
    def is_personal(self) -> bool:
        """Whether it takes the id of who looks: others with the same rights are then shown other things."""
        return bool(self._theirs)

    def bind(self, values: Parameters, viewer: UUID | None = None) -> list[Any]:
        """What the statement takes, in order; it has no use for those values that it does not name.

        Raises:
            KeyError: a value is missing.
        """
        bound = self._values.copy()
        for place, name, process in self._named:
            value = values[name]
            bound[place] = value if process is None else process(value)
        for place in self._theirs:
            bound[place] = viewer
        return bound


def with_keys(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """`column = ANY(:keys)`, for a statement that is written before its keys are known."""
    return column == any_(later("keys", ARRAY(column.type)))


def with_keys_of(column: ColumnElement[Any], keys: Select[Any]) -> ColumnElement[bool]:
    """`column = ANY(ARRAY(SELECT …))`: the rows whose keys another query finds, each once, by an index in its order.

    Such a plan costs what the page does. With `IN (SELECT …)` PostgreSQL guesses how many keys come, and where it
    guesses many of them it reads the whole table instead; and it looks each up from the root of the index.
    """
    return column == any_(func.array(keys.scalar_subquery()))


def later(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> BindParameter[Any]:
    """A value that is given each time, in a statement that is written once."""
    return bindparam(name, type_=kind)


def compiled_once(build: Callable[[Actor, *Ts], Executable]) -> "_Once[*Ts]":
    """Have a function that builds a statement do so once for each combination of rights and arguments.

    They are all that its text may depend on: what is compared with is named by `later` and `with_keys`, and given each
    time. Of the viewer it may put the id into the statement, and nothing else.
    """
    return _Once(build)


class _Once(Generic[*Ts]):
    def __init__(self, build: Callable[[Actor, *Ts], Executable]) -> None:
        def prepared(rights: Rights, *shape: *Ts) -> Prepared:
            return Prepared(build(somebody_with(rights), *shape))

        self._prepared: Any = lru_cache(maxsize=SHAPES)(prepared)

    def __call__(self, viewer: Actor, values: Parameters, *shape: *Ts) -> tuple[str, list[Any]]:
        """The text of the statement, and what it takes."""
        prepared = self._prepared(rights_of(viewer), *shape)
        return prepared.text, prepared.bind(values, viewer.user_id)


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
