"""Sales, rolled up: by hour, by variant and day, by customer and day.

Triggers (migration 20261121_1018_sales) note in `pending_sales`, in the transaction of every change of an order, a
return or an adjustment, what it changes of the figures. `fold` adds that to the roll-ups; the reports read both, and so
are right at all times. Nobody waits: notes are new rows, while a roll-up that each transaction updated would be locked
until it ends. Days are those of UTC.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    Uuid,
    func,
    select,
    text,
)

from db.base import metadata
from db.engine import Connection, Database

COUNTED = ("placed", "pending", "approved", "rejected", "cancelled", "orders")
SOLD = ("units", "gross")
CREDITED = ("credit_notes", "returns", "corrections", "adjustments")
AMOUNTS = {"gross", "returns", "adjustments"}


def _measures(*names: str) -> list[Column[object]]:
    return [
        Column(name, Numeric if name in AMOUNTS else BigInteger, nullable=False, server_default=text("0"))
        for name in names
    ]


pending_sales = Table(
    "pending_sales",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("hour", DateTime(timezone=True), nullable=False),
    Column("currency", Text, nullable=False),
    Column("country", Text),
    Column("customer_id", Uuid),
    Column("variant_id", Uuid),
    *_measures(*COUNTED, *SOLD, *CREDITED),
    postgresql_with={"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 2000},
)

hourly_sales = Table(
    "hourly_sales",
    metadata,
    Column("currency", Text, nullable=False),
    Column("hour", DateTime(timezone=True), nullable=False),
    *_measures(*COUNTED, *SOLD, *CREDITED),
    PrimaryKeyConstraint("currency", "hour"),
)

daily_variant_sales = Table(
    "daily_variant_sales",
    metadata,
    Column("currency", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("variant_id", Uuid, nullable=False),
    *_measures(*SOLD),
    PrimaryKeyConstraint("currency", "day", "variant_id"),
)

daily_customer_sales = Table(
    "daily_customer_sales",
    metadata,
    Column("currency", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("country", Text),
    Column("customer_id", Uuid),
    *_measures("orders", *SOLD, *CREDITED),
    UniqueConstraint(
        "currency",
        "day",
        "country",
        "customer_id",
        name="daily_customer_sales_key",
        postgresql_nulls_not_distinct=True,
    ),
)

DAY = "(hour AT TIME ZONE 'UTC')::date"

ROLL_UPS: Mapping[str, tuple[Mapping[str, str], Sequence[str]]] = {
    "hourly_sales": ({"currency": "currency", "hour": "hour"}, (*COUNTED, *SOLD, *CREDITED)),
    "daily_variant_sales": ({"currency": "currency", "day": DAY, "variant_id": "variant_id"}, SOLD),
    "daily_customer_sales": (
        {"currency": "currency", "day": DAY, "country": "country", "customer_id": "customer_id"},
        ("orders", *SOLD, *CREDITED),
    ),
}
"""Each roll-up: what it is by, and what it adds up."""

LOCK = 1163281749
"""Of those who would fold at once, one does. Any number that no other lock has."""

BATCH = 20_000


def _summed(name: str, source: str) -> str:
    """The rows that a source of facts adds to a roll-up."""
    by, measures = ROLL_UPS[name]
    keys = ", ".join(f"{expression} AS {key}" for key, expression in by.items())
    sums = ", ".join(f"sum({measure}) AS {measure}" for measure in measures)
    places = ", ".join(str(place) for place in range(1, len(by) + 1))
    return f"SELECT {keys}, {sums} FROM {source} {_where(name)} GROUP BY {places}"  # noqa: S608


def _where(name: str) -> str:
    return "WHERE variant_id IS NOT NULL" if name == "daily_variant_sales" else ""


def _add(name: str, rows: str) -> str:
    """The statement that adds rows to a roll-up. Those that change nothing are left away."""
    by, measures = ROLL_UPS[name]
    columns = ", ".join((*by, *measures))
    added = ", ".join(f"{measure} = {name}.{measure} + excluded.{measure}" for measure in measures)
    changes = " OR ".join(f"{measure} <> 0" for measure in measures)
    return f"""
    INSERT INTO {name} ({columns}) SELECT {columns} FROM ({rows}) AS added WHERE {changes} ORDER BY {", ".join(by)}
    ON CONFLICT ({", ".join(by)}) DO UPDATE SET {added}"""  # noqa: S608


_FOLD = text(f"""
WITH taken AS (
  DELETE FROM pending_sales WHERE id = ANY (ARRAY(
    SELECT id FROM pending_sales WHERE (SELECT pg_try_advisory_xact_lock({LOCK})) ORDER BY id LIMIT {BATCH}))
  RETURNING *
), {", ".join(f"to_{name} AS ({_add(name, _summed(name, 'taken'))})" for name in ROLL_UPS)}
SELECT count(*) AS taken FROM taken
""")  # noqa: S608


def _correct(name: str) -> TextClause:
    """Adds to a roll-up what it lacks, in one statement, so of one moment; what is noted meanwhile is added later."""
    by, measures = ROLL_UPS[name]
    columns = ", ".join((*by, *measures))
    negative = ", ".join((*by, *(f"-{measure} AS {measure}" for measure in measures)))
    sums = ", ".join((*by, *(f"sum({measure}) AS {measure}" for measure in measures)))
    lacking = f"""
    SELECT {sums} FROM (
      SELECT {columns} FROM ({_summed(name, "sales_facts")}) AS recomputed
      UNION ALL SELECT {negative} FROM ({_summed(name, "pending_sales")}) AS noted
      UNION ALL SELECT {negative} FROM {name}
    ) AS compared GROUP BY {", ".join(by)}"""  # noqa: S608
    return text(_add(name, lacking))


_CORRECT = {name: _correct(name) for name in ROLL_UPS}


async def fold(database: Database) -> int:
    """Add to the roll-ups what was noted, and return how many notes that were; none where another process does it."""
    folded = 0
    while True:
        # One statement: whoever reads sees each note either as a note or in the roll-ups.
        taken = (await database.read(_FOLD))[0].taken
        folded += taken
        if taken < BATCH:
            return folded


async def correct(connection: Connection) -> int:
    """Recompute the roll-ups from the orders, and return how many rows were not right. Only folding has to wait."""
    await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    return sum([await connection.count(statement) for statement in _CORRECT.values()])
