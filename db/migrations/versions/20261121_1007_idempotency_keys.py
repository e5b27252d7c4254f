"""Keys that make a repeated request return its first result."""

from db.migrations import run

revision = "202611211007"
down_revision = "202611211006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE idempotency_keys (
  owner TEXT NOT NULL,
  key UUID NOT NULL,
  actor_id UUID,
  operation TEXT NOT NULL,
  digest TEXT NOT NULL,
  result_id UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner, key),
  CONSTRAINT idempotency_keys_actor_id_fkey FOREIGN KEY(actor_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX idempotency_keys_actor_id_idx ON idempotency_keys (actor_id);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
"""
