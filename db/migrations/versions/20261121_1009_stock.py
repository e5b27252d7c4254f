"""Levels count their events, and units move between warehouses."""

from db.migrations import run

revision = "202611211009"
down_revision = "202611211008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
ALTER TABLE stock_levels ADD COLUMN version BIGINT DEFAULT 0 NOT NULL;

ALTER TABLE stock_movements DROP CONSTRAINT stock_movements_kind_check;
ALTER TABLE stock_movements ADD CONSTRAINT stock_movements_kind_check CHECK (kind IN ('OPENING', 'RECEIPT', 'RESERVATION', 'RELEASE', 'SHIPMENT', 'RETURN', 'WRITE_OFF', 'ADJUSTMENT', 'TRANSFER'));
"""
