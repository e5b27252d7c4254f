"""Sales, rolled up: every change of an order, a return or an adjustment notes what it changes of the figures."""

from alembic import op

from db.migrations import run

revision = "202611211018"
down_revision = "202611211017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)
    op.execute(f"CREATE VIEW sales_facts AS {FACTS}")
    for statement in (*FUNCTIONS, *TRIGGERS, *FIRST_FILL):
        op.execute(statement)


MEASURES = "placed, pending, approved, rejected, cancelled, orders, units, gross, credit_notes, returns, corrections, adjustments"

COUNTS = """
  placed BIGINT DEFAULT 0 NOT NULL,
  pending BIGINT DEFAULT 0 NOT NULL,
  approved BIGINT DEFAULT 0 NOT NULL,
  rejected BIGINT DEFAULT 0 NOT NULL,
  cancelled BIGINT DEFAULT 0 NOT NULL,
  orders BIGINT DEFAULT 0 NOT NULL,
"""

SOLD_VALUE = """
  units BIGINT DEFAULT 0 NOT NULL,
  gross NUMERIC DEFAULT 0 NOT NULL
"""

CREDITED = """
  credit_notes BIGINT DEFAULT 0 NOT NULL,
  returns NUMERIC DEFAULT 0 NOT NULL,
  corrections BIGINT DEFAULT 0 NOT NULL,
  adjustments NUMERIC DEFAULT 0 NOT NULL
"""

DDL = f"""
CREATE TABLE pending_sales (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  hour TIMESTAMP WITH TIME ZONE NOT NULL,
  currency TEXT NOT NULL,
  country TEXT,
  customer_id UUID,
  variant_id UUID,
  {COUNTS} {SOLD_VALUE}, {CREDITED},
  CONSTRAINT pending_sales_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE hourly_sales (
  currency TEXT NOT NULL,
  hour TIMESTAMP WITH TIME ZONE NOT NULL,
  {COUNTS} {SOLD_VALUE}, {CREDITED},
  CONSTRAINT hourly_sales_pkey PRIMARY KEY (currency, hour)
);

CREATE TABLE daily_variant_sales (
  currency TEXT NOT NULL,
  day DATE NOT NULL,
  variant_id UUID NOT NULL,
  {SOLD_VALUE},
  CONSTRAINT daily_variant_sales_pkey PRIMARY KEY (currency, day, variant_id)
);

CREATE TABLE daily_customer_sales (
  currency TEXT NOT NULL,
  day DATE NOT NULL,
  country TEXT,
  customer_id UUID,
  orders BIGINT DEFAULT 0 NOT NULL,
  {SOLD_VALUE}, {CREDITED},
  CONSTRAINT daily_customer_sales_key UNIQUE NULLS NOT DISTINCT (currency, day, country, customer_id)
);
"""

AMOUNTS = {"gross", "returns", "adjustments"}


def fact(moment: str, customer: str, variant: str, **measures: str) -> str:
    """What each row of `{source} AS t` counts for, and in which hour; `{sign}` is 1, or -1 for what holds no longer."""
    values = (
        f"{{sign}} * ({measures[name]})::{'numeric' if name in AMOUNTS else 'bigint'} AS {name}"
        if name in measures
        else f"0::{'numeric' if name in AMOUNTS else 'bigint'} AS {name}"
        for name in MEASURES.split(", ")
    )
    return f"""
SELECT date_trunc('hour', t.{moment}, 'UTC') AS hour, t.currency, t.country, {customer} AS customer_id,
  {variant} AS variant_id, {", ".join(values)}
FROM {{source}} AS t"""


SOLD = "t.status IN ('APPROVED', 'SHIPPED', 'DELIVERED', 'RETURNED')"

ORDER = fact(
    "placed_at",
    "t.customer_id",
    "NULL::uuid",
    placed="1",
    pending="(t.status = 'PENDING')::int",
    approved="(t.approved_at IS NOT NULL)::int",
    rejected="(t.status = 'REJECTED')::int",
    cancelled="(t.status = 'CANCELLED')::int",
    orders=f"({SOLD})::int",
)

LINES = (
    fact("placed_at", "t.customer_id", "l.variant_id", units="l.quantity", gross="l.quantity * l.unit_price")
    + f" JOIN {{lines}} AS l ON l.order_id = t.id WHERE {SOLD} AND l.unit_price > 0"
)

RETURN = fact("returned_at", "t.customer_id", "NULL::uuid", credit_notes="1", returns="t.total")

ADJUSTMENT = fact("adjusted_at", "NULL::uuid", "NULL::uuid", corrections="1", adjustments="t.amount")


def now(fact: str, source: str, lines: str = "order_lines") -> str:
    """What the rows of a source count for."""
    return fact.format(sign="1", source=source, lines=lines)


def changed(fact: str) -> tuple[str, str]:
    """What holds no longer after an update, and what holds now."""
    return fact.format(sign="-1", source="old_rows", lines="order_lines"), now(fact, "new_rows")


FACTS = " UNION ALL ".join(
    (now(ORDER, "orders"), now(LINES, "orders"), now(RETURN, "returns"), now(ADJUSTMENT, "adjustments"))
)

SUMS = ", ".join(f"sum({name}) AS {name}" for name in MEASURES.split(", "))


def noted(name: str, *facts: str) -> str:
    """A trigger function that notes facts about the rows of its statement, those that cancel out left away.

    An import switches it off by `orderwire.sales_are_noted` and adds what is missing at its end, all at once.
    """
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('orderwire.sales_are_noted', true) = 'off' THEN RETURN NULL; END IF;
  INSERT INTO pending_sales (hour, currency, country, customer_id, variant_id, {MEASURES})
  SELECT * FROM (
    SELECT hour, currency, country, customer_id, variant_id, {SUMS} FROM ({" UNION ALL ".join(facts)}) AS facts
    GROUP BY hour, currency, country, customer_id, variant_id
  ) AS summed WHERE ({MEASURES}) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  RETURN NULL;
END $$"""


FUNCTIONS = (
    noted("note_placed_orders", now(ORDER, "new_rows")),
    noted("note_moved_orders", *changed(ORDER), *changed(LINES)),
    noted("note_order_lines", now(LINES, "orders", "new_rows")),
    noted("note_new_returns", now(RETURN, "new_rows")),
    noted("note_returns", *changed(RETURN)),
    noted("note_adjustments", now(ADJUSTMENT, "new_rows")),
)

INSERTED = "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows"
UPDATED = "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"

TRIGGERS = tuple(
    f"CREATE TRIGGER {name} {when.format(table=table)} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    for name, table, when in (
        ("note_placed_orders", "orders", INSERTED),
        ("note_moved_orders", "orders", UPDATED),
        ("note_order_lines", "order_lines", INSERTED),
        ("note_new_returns", "returns", INSERTED),
        ("note_returns", "returns", UPDATED),
        ("note_adjustments", "adjustments", INSERTED),
    )
)

FIRST_FILL = (
    f"INSERT INTO hourly_sales (currency, hour, {MEASURES}) SELECT currency, hour, {SUMS} FROM sales_facts GROUP BY 1, 2",
    """INSERT INTO daily_variant_sales (currency, day, variant_id, units, gross)
    SELECT currency, (hour AT TIME ZONE 'UTC')::date, variant_id, sum(units), sum(gross)
    FROM sales_facts WHERE variant_id IS NOT NULL GROUP BY 1, 2, 3""",
    """INSERT INTO daily_customer_sales
      (currency, day, country, customer_id, orders, units, gross, credit_notes, returns, corrections, adjustments)
    SELECT currency, (hour AT TIME ZONE 'UTC')::date, country, customer_id,
      sum(orders), sum(units), sum(gross), sum(credit_notes), sum(returns), sum(corrections), sum(adjustments)
    FROM sales_facts GROUP BY 1, 2, 3, 4
    HAVING sum(orders) <> 0 OR sum(credit_notes) <> 0 OR sum(corrections) <> 0""",
)
