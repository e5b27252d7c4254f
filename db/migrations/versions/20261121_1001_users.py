"""Users, their refresh tokens, and access tokens revoked before their time."""

from db.migrations import run

revision = "202611211001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
-- PostgreSQL 18 has uuidv7() built in, and finds that one first; this stands in on 16 and 17.
-- 48 bits of milliseconds, then version 7, then random bits (RFC 9562, section 5.7).
CREATE OR REPLACE FUNCTION public.uuidv7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6),
      52, 1), 53, 1), 'hex')::uuid
$$;

CREATE TABLE users (
  id UUID DEFAULT uuidv7() NOT NULL,
  username TEXT NOT NULL CONSTRAINT users_username_check CHECK (username ~ '^[A-Za-z0-9]{4,20}$'),
  email TEXT,
  password_hash TEXT NOT NULL,
  is_admin BOOLEAN DEFAULT false NOT NULL,
  scopes TEXT[] DEFAULT '{}' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  last_login_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT users_pkey PRIMARY KEY (id)
);

CREATE INDEX users_created_at_idx ON users (created_at, id);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE UNIQUE INDEX users_username_key ON users (lower(username));

CREATE TABLE refresh_tokens (
  id UUID DEFAULT uuidv7() NOT NULL,
  user_id UUID NOT NULL,
  family UUID NOT NULL,
  digest TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id),
  CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT refresh_tokens_digest_key UNIQUE (digest)
);

CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens (user_id);

CREATE TABLE revoked_tokens (
  jti UUID NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT revoked_tokens_pkey PRIMARY KEY (jti)
);

CREATE INDEX revoked_tokens_expires_at_idx ON revoked_tokens (expires_at);
"""
