"""What all tables share: names of constraints, types of columns, and the parts every table repeats."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Index,
    MetaData,
    Numeric,
    Text,
    Uuid,
    any_,
    func,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import UserDefinedType
from uuid_utils.compat import uuid7

__all__ = [
    "Xid8",
    "any_of",
    "check_in",
    "id_column",
    "metadata",
    "money_columns",
    "new_id",
    "now",
    "search_index",
    "timestamp",
]

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


class Xid8(UserDefinedType[Any]):
    """The full number of a transaction, which does not wrap around; only PostgreSQL ever looks at it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "XID8"


def new_id() -> UUID:
    """A new UUIDv7: unique without asking anybody, and close to its neighbours in time in an index."""
    return uuid7()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def id_column() -> Column[UUID]:
    return Column("id", Uuid, primary_key=True, server_default=func.uuidv7())


def timestamp(name: str, *, nullable: bool = False, default: bool = True) -> Column[datetime]:
    """A moment; filled with the time of the transaction unless it may be empty or must be given."""
    filled = func.now() if default and not nullable else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=filled)


def money_columns(name: str) -> tuple[Column[object], Column[str]]:
    """An exact amount and its ISO 4217 code.

    The numeric has no fixed scale: a price of 0.001 stays what it is, and sums are exact.
    """
    amount: Column[object] = Column(name, Numeric, nullable=False)
    currency: Column[str] = Column("currency", Text, CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"))
    currency.nullable = False
    return amount, currency


def check_in(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    """A CHECK that a text column holds one of an enum's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def any_of(column: ColumnElement[Any], keys: Sequence[object]) -> ColumnElement[bool]:
    """`column = ANY(:keys)`: one statement text, so one prepared statement, however many the keys."""
    return column == any_(literal(list(keys), ARRAY(column.type)))


def search_index(table: str, *columns: str) -> Index:
    """An index by which parts of texts are found, whatever their case; only where the database has pg_trgm."""
    classes = dict.fromkeys(columns, "gin_trgm_ops")
    index = Index(f"{table}_search_idx", *columns, postgresql_using="gin", postgresql_ops=classes)
    return index.ddl_if(callable_=_has_trigrams)


def _has_trigrams(*given: Any, **_: Any) -> bool:
    connection: Connection = given[2]
    return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM pg_opclass WHERE opcname = 'gin_trgm_ops')")))
