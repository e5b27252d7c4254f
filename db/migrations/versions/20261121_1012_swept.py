"""The log counts what only a look through the whole queue has found."""

from db.migrations import run

revision = "202611211012"
down_revision = "202611211011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
ALTER TABLE event_log ADD COLUMN swept BIGINT DEFAULT 0 NOT NULL;
"""
