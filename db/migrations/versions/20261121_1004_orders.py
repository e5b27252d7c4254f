"""Orders and their lines, returns and adjustments."""

from db.migrations import run

revision = "202611211004"
down_revision = "202611211003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE SEQUENCE order_numbers;

CREATE TABLE orders (
  id UUID DEFAULT uuidv7() NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  customer_id UUID,
  placed_by UUID,
  status TEXT NOT NULL CONSTRAINT orders_status_check CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED', 'SHIPPED', 'DELIVERED', 'CANCELLED', 'RETURNED')),
  total NUMERIC NOT NULL,
  currency TEXT NOT NULL CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  country TEXT CONSTRAINT orders_country_check CHECK (length(country) <= 60),
  notes TEXT CONSTRAINT orders_notes_check CHECK (length(notes) <= 1000),
  version INTEGER DEFAULT 1 NOT NULL,
  placed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  approved_at TIMESTAMP WITH TIME ZONE,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT orders_pkey PRIMARY KEY (id),
  CONSTRAINT orders_number_key UNIQUE (number),
  CONSTRAINT orders_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id),
  CONSTRAINT orders_placed_by_fkey FOREIGN KEY(placed_by) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX orders_customer_id_idx ON orders (customer_id, placed_at, id);
CREATE INDEX orders_placed_at_idx ON orders (placed_at, id);
CREATE INDEX orders_placed_by_idx ON orders (placed_by) WHERE placed_by IS NOT NULL;
CREATE INDEX orders_status_idx ON orders (status, placed_at, id);
CREATE INDEX orders_total_idx ON orders (total, id);

CREATE TABLE order_lines (
  order_id UUID NOT NULL,
  position INTEGER NOT NULL CONSTRAINT order_lines_position_check CHECK (position > 0),
  variant_id UUID NOT NULL,
  description TEXT,
  quantity INTEGER NOT NULL CONSTRAINT order_lines_quantity_check CHECK (quantity > 0),
  unit_price NUMERIC NOT NULL,
  currency TEXT NOT NULL CONSTRAINT order_lines_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, position),
  CONSTRAINT order_lines_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id) ON DELETE CASCADE,
  CONSTRAINT order_lines_variant_id_fkey FOREIGN KEY(variant_id) REFERENCES variants (id)
);

CREATE INDEX order_lines_variant_id_idx ON order_lines (variant_id);

CREATE TABLE returns (
  id UUID DEFAULT uuidv7() NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  order_id UUID,
  customer_id UUID,
  country TEXT,
  total NUMERIC NOT NULL,
  currency TEXT NOT NULL CONSTRAINT returns_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  returned_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT returns_pkey PRIMARY KEY (id),
  CONSTRAINT returns_number_key UNIQUE (number),
  CONSTRAINT returns_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id),
  CONSTRAINT returns_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers (id)
);

CREATE INDEX returns_customer_id_idx ON returns (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX returns_order_id_idx ON returns (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX returns_returned_at_idx ON returns (returned_at, id);

CREATE TABLE return_lines (
  return_id UUID NOT NULL,
  position INTEGER NOT NULL CONSTRAINT return_lines_position_check CHECK (position > 0),
  order_id UUID,
  order_line_position INTEGER,
  variant_id UUID NOT NULL,
  description TEXT,
  quantity INTEGER NOT NULL CONSTRAINT return_lines_quantity_check CHECK (quantity > 0),
  unit_price NUMERIC NOT NULL,
  currency TEXT NOT NULL CONSTRAINT return_lines_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT return_lines_pkey PRIMARY KEY (return_id, position),
  CONSTRAINT return_lines_order_id_order_line_position_fkey FOREIGN KEY(order_id, order_line_position) REFERENCES order_lines (order_id, position),
  CONSTRAINT return_lines_order_line_check CHECK ((order_id IS NULL) = (order_line_position IS NULL)),
  CONSTRAINT return_lines_return_id_fkey FOREIGN KEY(return_id) REFERENCES returns (id) ON DELETE CASCADE,
  CONSTRAINT return_lines_variant_id_fkey FOREIGN KEY(variant_id) REFERENCES variants (id)
);

CREATE INDEX return_lines_order_id_idx ON return_lines (order_id, order_line_position) WHERE order_id IS NOT NULL;
CREATE INDEX return_lines_variant_id_idx ON return_lines (variant_id);

CREATE TABLE adjustments (
  id UUID DEFAULT uuidv7() NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  position INTEGER NOT NULL CONSTRAINT adjustments_position_check CHECK (position > 0),
  reason TEXT,
  amount NUMERIC NOT NULL,
  currency TEXT NOT NULL CONSTRAINT adjustments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  country TEXT,
  adjusted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT adjustments_pkey PRIMARY KEY (id),
  CONSTRAINT adjustments_number_position_key UNIQUE (number, position)
);

CREATE INDEX adjustments_adjusted_at_idx ON adjustments (adjusted_at, id);
"""
