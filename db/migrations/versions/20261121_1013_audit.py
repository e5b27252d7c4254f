"""Events tell of sign-ins, passwords and rights, and remember the network address that they were caused from."""

from alembic import op

from db.migrations import run

revision = "202611211013"
down_revision = "202611211012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)
    op.execute(FUNCTION)


DDL = """
ALTER TABLE pending_events ADD COLUMN address INET;
ALTER TABLE events ADD COLUMN address INET;
ALTER TABLE pending_events DROP CONSTRAINT pending_events_kind_check;
ALTER TABLE pending_events ADD CONSTRAINT pending_events_kind_check CHECK (kind IN ('ORDER_STATUS_CHANGED', 'ORDER_LINES_RETURNED', 'STOCK_CHANGED', 'STOCK_LOW', 'REORDER_POINT_CHANGED', 'USER_REGISTERED', 'USER_SIGNED_IN', 'TOKEN_REFRESHED', 'TOKEN_REUSED', 'TOKEN_REVOKED', 'SESSIONS_REVOKED', 'PASSWORD_CHANGED', 'PASSWORD_RESET_REQUESTED', 'PASSWORD_RESET', 'ROLE_GRANTED', 'ROLE_REVOKED', 'IDENTITY_LINKED', 'CLIENT_REGISTERED', 'CLIENT_REVOKED', 'IMPORT_COMPLETED'));
-- The sequence of the last event of a user: the first one is the registration.
ALTER TABLE users ADD COLUMN version BIGINT DEFAULT 1 NOT NULL;
"""

FUNCTION = """
CREATE OR REPLACE FUNCTION sequence_events(batch int, INOUT floor xid8, OUT moved bigint, OUT head bigint) LANGUAGE plpgsql
  SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  seen pg_snapshot;
  room bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sequence_events needs READ COMMITTED: a new snapshot after the lock';
  END IF;
  -- Held until the commit, so that positions become visible in their order, however many sequencers there are.
  PERFORM pg_advisory_xact_lock(1163281748);
  seen := pg_current_snapshot();
  -- A floor above every transaction was heard of in another cluster.
  IF floor > pg_snapshot_xmax(seen) THEN floor := '0'; END IF;
  SELECT greatest((SELECT max(e.position) FROM events e), l.low_position), l.partitioned_to INTO head, room FROM event_log l;
  IF head + batch > room THEN RETURN; END IF;
  -- The array makes the planner look up the rows once, however little it knows of a queue that is mostly empty.
  WITH taken AS (
    DELETE FROM pending_events WHERE ctid = ANY (ARRAY(
      SELECT p.ctid FROM pending_events p WHERE p.xid >= floor ORDER BY p.ordinal LIMIT batch))
    RETURNING *
  ), put AS (
    INSERT INTO events (position, id, aggregate_type, aggregate_id, sequence, kind, payload, actor_id, request_id, address, occurred_at)
    SELECT head + row_number() OVER (ORDER BY t.ordinal), t.id, t.aggregate_type, t.aggregate_id, t.sequence, t.kind,
      t.payload, t.actor_id, t.request_id, t.address, t.occurred_at
    FROM taken t RETURNING 1
  ) SELECT count(*) INTO moved FROM put;
  -- Whatever began below the snapshot's xmin has ended, so its rows were visible, and were taken.
  IF moved < batch THEN floor := pg_snapshot_xmin(seen); END IF;
  head := head + moved;
END $$
"""
