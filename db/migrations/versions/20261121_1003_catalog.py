"""Products and variants."""

from db.migrations import run

revision = "202611211003"
down_revision = "202611211002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE products (
  id UUID DEFAULT uuidv7() NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT products_pkey PRIMARY KEY (id)
);

CREATE INDEX products_created_at_idx ON products (created_at, id);
CREATE INDEX products_name_idx ON products (name, id);

CREATE TABLE variants (
  id UUID DEFAULT uuidv7() NOT NULL,
  product_id UUID NOT NULL,
  sku TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  kind TEXT DEFAULT 'GOODS' NOT NULL CONSTRAINT variants_kind_check CHECK (kind IN ('GOODS', 'SERVICE')),
  price NUMERIC NOT NULL,
  currency TEXT NOT NULL CONSTRAINT variants_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  allow_backorder BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT variants_pkey PRIMARY KEY (id),
  CONSTRAINT variants_price_check CHECK (price >= 0),
  CONSTRAINT variants_id_allow_backorder_key UNIQUE (id, allow_backorder),
  CONSTRAINT variants_product_id_fkey FOREIGN KEY(product_id) REFERENCES products (id),
  CONSTRAINT variants_sku_key UNIQUE (sku)
);

CREATE INDEX variants_created_at_idx ON variants (created_at, id);
CREATE INDEX variants_product_id_idx ON variants (product_id);
"""
