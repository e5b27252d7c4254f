"""Events of orders tell who buys, for how much: those that were told before are completed from the orders."""

from db.migrations import run

revision = "202611211011"
down_revision = "202611211010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


# The lock is that of sequence_events: no event moves from one table to the other between the two statements.
DDL = """
SELECT pg_advisory_xact_lock(1163281748);

UPDATE pending_events e
SET payload = e.payload || jsonb_build_object('customer_id', o.customer_id, 'total', o.total::text, 'currency', o.currency)
FROM orders o WHERE o.id = e.aggregate_id AND e.kind = 'ORDER_STATUS_CHANGED' AND NOT e.payload ? 'total';

UPDATE events e
SET payload = e.payload || jsonb_build_object('customer_id', o.customer_id, 'total', o.total::text, 'currency', o.currency)
FROM orders o WHERE o.id = e.aggregate_id AND e.kind = 'ORDER_STATUS_CHANGED' AND NOT e.payload ? 'total';
"""
