"""A password may be reset by mail."""

from db.migrations import run

revision = "202611211016"
down_revision = "202611211015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE password_resets (
  user_id UUID NOT NULL,
  digest TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT password_resets_pkey PRIMARY KEY (user_id),
  CONSTRAINT password_resets_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT password_resets_digest_key UNIQUE (digest)
);

CREATE INDEX password_resets_expires_at_idx ON password_resets (expires_at);
"""
