"""The log of events and its identity."""

from db.migrations import run

revision = "202611211006"
down_revision = "202611211005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE events (
  position BIGINT GENERATED ALWAYS AS IDENTITY,
  id UUID DEFAULT uuidv7() NOT NULL,
  aggregate_type TEXT NOT NULL CONSTRAINT events_aggregate_type_check CHECK (aggregate_type IN ('ORDER', 'USER', 'IMPORT')),
  aggregate_id UUID NOT NULL,
  sequence BIGINT NOT NULL,
  kind TEXT NOT NULL CONSTRAINT events_kind_check CHECK (kind IN ('ORDER_STATUS_CHANGED', 'USER_REGISTERED', 'IMPORT_COMPLETED')),
  payload JSONB DEFAULT '{}' NOT NULL,
  actor_id UUID,
  request_id TEXT,
  occurred_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (position),
  CONSTRAINT events_id_key UNIQUE (id),
  CONSTRAINT events_actor_id_fkey FOREIGN KEY(actor_id) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX events_actor_id_idx ON events (actor_id);
CREATE UNIQUE INDEX events_aggregate_key ON events (aggregate_type, aggregate_id, sequence);

CREATE TABLE log_epoch (
  epoch UUID DEFAULT gen_random_uuid() NOT NULL,
  CONSTRAINT log_epoch_pkey PRIMARY KEY (epoch)
);

INSERT INTO log_epoch DEFAULT VALUES;
"""
