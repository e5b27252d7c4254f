"""Customers and their addresses."""

from db.migrations import run

revision = "202611211002"
down_revision = "202611211001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE customers (
  id UUID DEFAULT uuidv7() NOT NULL,
  user_id UUID,
  reference TEXT,
  name TEXT NOT NULL,
  email TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT customers_pkey PRIMARY KEY (id),
  CONSTRAINT customers_user_id_key UNIQUE (user_id),
  CONSTRAINT customers_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT customers_reference_key UNIQUE (reference)
);

CREATE INDEX customers_created_at_idx ON customers (created_at, id);
CREATE INDEX customers_name_idx ON customers (name, id);

CREATE TABLE addresses (
  id UUID DEFAULT uuidv7() NOT NULL,
  customer_id UUID NOT NULL,
  line1 TEXT,
  line2 TEXT,
  city TEXT,
  postal_code TEXT,
  country TEXT NOT NULL,
  CONSTRAINT addresses_pkey PRIMARY KEY (id),
  CONSTRAINT addresses_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);

CREATE INDEX addresses_customer_id_idx ON addresses (customer_id);
"""
