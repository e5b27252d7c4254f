"""Sign-in with providers: identities, what is on its way, and addresses that are proved."""

from db.migrations import run

revision = "202611211015"
down_revision = "202611211014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
ALTER TABLE users ADD COLUMN email_verified_at TIMESTAMP WITH TIME ZONE;

CREATE TABLE identities (
  provider TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id UUID NOT NULL,
  email TEXT,
  linked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT identities_pkey PRIMARY KEY (provider, subject),
  CONSTRAINT identities_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX identities_user_id_idx ON identities (user_id);

CREATE TABLE login_attempts (
  state TEXT NOT NULL,
  browser TEXT NOT NULL,
  provider TEXT NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  return_to TEXT,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT login_attempts_pkey PRIMARY KEY (state)
);

CREATE INDEX login_attempts_expires_at_idx ON login_attempts (expires_at);

CREATE TABLE login_codes (
  code TEXT NOT NULL,
  user_id UUID NOT NULL,
  provider TEXT NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT login_codes_pkey PRIMARY KEY (code),
  CONSTRAINT login_codes_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX login_codes_expires_at_idx ON login_codes (expires_at);
CREATE INDEX login_codes_user_id_idx ON login_codes (user_id);
"""
