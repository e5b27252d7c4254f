"""The log speaks of every aggregate."""

from db.migrations import run

revision = "202611211008"
down_revision = "202611211007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
ALTER TABLE events DROP CONSTRAINT events_aggregate_type_check;
ALTER TABLE events DROP CONSTRAINT events_kind_check;
ALTER TABLE events ADD CONSTRAINT events_aggregate_type_check CHECK (aggregate_type IN ('ORDER', 'STOCK_LEVEL', 'USER', 'IMPORT'));
ALTER TABLE events ADD CONSTRAINT events_kind_check CHECK (kind IN ('ORDER_STATUS_CHANGED', 'ORDER_LINES_RETURNED', 'STOCK_CHANGED', 'STOCK_LOW', 'REORDER_POINT_CHANGED', 'USER_REGISTERED', 'IMPORT_COMPLETED'));
"""
