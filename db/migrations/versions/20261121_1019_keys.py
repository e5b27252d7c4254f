"""Events tell of the keys that sign access tokens."""

from db.migrations import run

revision = "202611211019"
down_revision = "202611211018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
ALTER TABLE pending_events DROP CONSTRAINT pending_events_kind_check;
ALTER TABLE pending_events ADD CONSTRAINT pending_events_kind_check CHECK (kind IN ('ORDER_STATUS_CHANGED', 'ORDER_LINES_RETURNED', 'STOCK_CHANGED', 'STOCK_LOW', 'REORDER_POINT_CHANGED', 'USER_REGISTERED', 'USER_SIGNED_IN', 'TOKEN_REFRESHED', 'TOKEN_REUSED', 'TOKEN_REVOKED', 'SESSIONS_REVOKED', 'PASSWORD_CHANGED', 'PASSWORD_RESET_REQUESTED', 'PASSWORD_RESET', 'ROLE_GRANTED', 'ROLE_REVOKED', 'IDENTITY_LINKED', 'CLIENT_REGISTERED', 'CLIENT_REVOKED', 'IMPORT_COMPLETED', 'KEY_ROTATED'));
ALTER TABLE pending_events DROP CONSTRAINT pending_events_aggregate_type_check;
ALTER TABLE pending_events ADD CONSTRAINT pending_events_aggregate_type_check CHECK (aggregate_type IN ('ORDER', 'STOCK_LEVEL', 'USER', 'IMPORT', 'KEY'));
"""
