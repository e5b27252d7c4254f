"""Revoked sessions stand beside revoked tokens, and readers find what is new; machines act as users without a password."""

from db.migrations import run

revision = "202611211014"
down_revision = "202611211013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
-- Nothing was ever written to it.
DROP TABLE revoked_tokens;
CREATE TABLE revoked_tokens (
  id UUID NOT NULL,
  xid XID8 DEFAULT pg_current_xact_id() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT revoked_tokens_pkey PRIMARY KEY (id)
);
CREATE INDEX revoked_tokens_expires_at_idx ON revoked_tokens (expires_at);
CREATE INDEX revoked_tokens_xid_idx ON revoked_tokens (xid);

ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

CREATE TABLE clients (
  id UUID DEFAULT uuidv7() NOT NULL,
  user_id UUID NOT NULL,
  name TEXT NOT NULL,
  secret_digest TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT clients_pkey PRIMARY KEY (id),
  CONSTRAINT clients_user_id_key UNIQUE (user_id),
  CONSTRAINT clients_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
"""
