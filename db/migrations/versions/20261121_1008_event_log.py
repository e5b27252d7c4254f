"""The log of every aggregate: what is committed waits in pending_events, and a sequencer gives it its place."""

from alembic import op

from db.migrations import run

revision = "202611211008"
down_revision = "202611211007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)
    op.execute(FUNCTION)


# What the log held moves to the pending table in its order, and gets dense positions by the next server.
# A new epoch tells clients that their cursors are of another log.
DDL = """
CREATE TABLE pending_events (
  xid XID8 DEFAULT pg_current_xact_id() NOT NULL,
  ordinal BIGINT GENERATED ALWAYS AS IDENTITY,
  id UUID DEFAULT uuidv7() NOT NULL,
  aggregate_type TEXT NOT NULL,
  aggregate_id UUID NOT NULL,
  sequence BIGINT NOT NULL,
  kind TEXT NOT NULL,
  payload JSONB DEFAULT '{}' NOT NULL,
  actor_id UUID,
  request_id TEXT,
  occurred_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pending_events_pkey PRIMARY KEY (xid, ordinal),
  CONSTRAINT pending_events_actor_id_fkey FOREIGN KEY(actor_id) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT pending_events_aggregate_type_check CHECK (aggregate_type IN ('ORDER', 'STOCK_LEVEL', 'USER', 'IMPORT')),
  CONSTRAINT pending_events_kind_check CHECK (kind IN ('ORDER_STATUS_CHANGED', 'ORDER_LINES_RETURNED', 'STOCK_CHANGED', 'STOCK_LOW', 'REORDER_POINT_CHANGED', 'USER_REGISTERED', 'IMPORT_COMPLETED'))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

INSERT INTO pending_events (id, aggregate_type, aggregate_id, sequence, kind, payload, actor_id, request_id, occurred_at)
SELECT id, aggregate_type, aggregate_id, sequence, kind, payload, actor_id, request_id, occurred_at FROM events ORDER BY position;

DROP TABLE events;
DROP TABLE log_epoch;

CREATE TABLE events (
  position BIGINT NOT NULL,
  id UUID NOT NULL,
  aggregate_type TEXT NOT NULL,
  aggregate_id UUID NOT NULL,
  sequence BIGINT NOT NULL,
  kind TEXT NOT NULL,
  payload JSONB NOT NULL,
  actor_id UUID,
  request_id TEXT,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  logged_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (position)
) PARTITION BY RANGE (position);

CREATE INDEX events_id_idx ON events (id);
CREATE INDEX events_aggregate_id_idx ON events (aggregate_id, sequence);
CREATE INDEX events_kind_idx ON events (kind, position);
CREATE INDEX events_actor_id_idx ON events (actor_id, position) WHERE actor_id IS NOT NULL;
CREATE INDEX events_occurred_at_idx ON events (occurred_at);

CREATE TABLE event_log (
  is_one BOOLEAN DEFAULT true NOT NULL,
  epoch UUID DEFAULT gen_random_uuid() NOT NULL,
  identity TEXT,
  low_position BIGINT DEFAULT 0 NOT NULL,
  partitioned_to BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT event_log_pkey PRIMARY KEY (is_one),
  CONSTRAINT event_log_is_one_check CHECK (is_one)
);

INSERT INTO event_log DEFAULT VALUES;
"""

FUNCTION = """
CREATE FUNCTION sequence_events(batch int, INOUT floor xid8, OUT moved bigint, OUT head bigint) LANGUAGE plpgsql
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
    INSERT INTO events (position, id, aggregate_type, aggregate_id, sequence, kind, payload, actor_id, request_id, occurred_at)
    SELECT head + row_number() OVER (ORDER BY t.ordinal), t.id, t.aggregate_type, t.aggregate_id, t.sequence, t.kind,
      t.payload, t.actor_id, t.request_id, t.occurred_at
    FROM taken t RETURNING 1
  ) SELECT count(*) INTO moved FROM put;
  -- Whatever began below the snapshot's xmin has ended, so its rows were visible, and were taken.
  IF moved < batch THEN floor := pg_snapshot_xmin(seen); END IF;
  head := head + moved;
END $$
"""
