"""Warehouses, stock levels, reservations and the ledger of movements."""

from db.migrations import run

revision = "202611211005"
down_revision = "202611211004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(DDL)


DDL = """
CREATE TABLE warehouses (
  id UUID DEFAULT uuidv7() NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  priority INTEGER DEFAULT 100 NOT NULL,
  CONSTRAINT warehouses_pkey PRIMARY KEY (id),
  CONSTRAINT warehouses_code_key UNIQUE (code)
);

CREATE TABLE stock_levels (
  id UUID DEFAULT uuidv7() NOT NULL,
  variant_id UUID NOT NULL,
  warehouse_id UUID NOT NULL,
  on_hand INTEGER DEFAULT 0 NOT NULL,
  reserved INTEGER DEFAULT 0 NOT NULL,
  reorder_point INTEGER DEFAULT 0 NOT NULL,
  allow_backorder BOOLEAN DEFAULT false NOT NULL,
  CONSTRAINT stock_levels_pkey PRIMARY KEY (id),
  CONSTRAINT stock_levels_variant_id_warehouse_id_key UNIQUE (variant_id, warehouse_id),
  CONSTRAINT stock_levels_variant_id_allow_backorder_fkey FOREIGN KEY(variant_id, allow_backorder) REFERENCES variants (id, allow_backorder) ON UPDATE CASCADE,
  CONSTRAINT stock_levels_on_hand_check CHECK (on_hand >= 0),
  CONSTRAINT stock_levels_reserved_check CHECK (reserved >= 0 AND (reserved <= on_hand OR allow_backorder)),
  CONSTRAINT stock_levels_reorder_point_check CHECK (reorder_point >= 0),
  CONSTRAINT stock_levels_warehouse_id_fkey FOREIGN KEY(warehouse_id) REFERENCES warehouses (id)
);

CREATE INDEX stock_levels_warehouse_id_idx ON stock_levels (warehouse_id);

CREATE TABLE reservations (
  order_id UUID NOT NULL,
  level_id UUID NOT NULL,
  quantity INTEGER NOT NULL CONSTRAINT reservations_quantity_check CHECK (quantity > 0),
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT reservations_pkey PRIMARY KEY (order_id, level_id),
  CONSTRAINT reservations_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id),
  CONSTRAINT reservations_level_id_fkey FOREIGN KEY(level_id) REFERENCES stock_levels (id)
);

CREATE INDEX reservations_level_id_idx ON reservations (level_id);

CREATE TABLE stock_movements (
  id UUID DEFAULT uuidv7() NOT NULL,
  variant_id UUID NOT NULL,
  warehouse_id UUID NOT NULL,
  kind TEXT NOT NULL CONSTRAINT stock_movements_kind_check CHECK (kind IN ('OPENING', 'RECEIPT', 'RESERVATION', 'RELEASE', 'SHIPMENT', 'RETURN', 'WRITE_OFF', 'ADJUSTMENT')),
  quantity INTEGER NOT NULL,
  on_hand_before INTEGER NOT NULL,
  on_hand_after INTEGER NOT NULL,
  reserved_before INTEGER NOT NULL,
  reserved_after INTEGER NOT NULL,
  order_id UUID,
  actor_id UUID,
  reason TEXT,
  reference TEXT,
  occurred_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT stock_movements_pkey PRIMARY KEY (id),
  CONSTRAINT stock_movements_not_negative_check CHECK (on_hand_after >= 0 AND reserved_after >= 0),
  CONSTRAINT stock_movements_quantity_check CHECK (quantity = CASE WHEN kind IN ('RESERVATION', 'RELEASE') THEN reserved_after - reserved_before ELSE on_hand_after - on_hand_before END),
  CONSTRAINT stock_movements_variant_id_fkey FOREIGN KEY(variant_id) REFERENCES variants (id),
  CONSTRAINT stock_movements_warehouse_id_fkey FOREIGN KEY(warehouse_id) REFERENCES warehouses (id),
  CONSTRAINT stock_movements_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id),
  CONSTRAINT stock_movements_actor_id_fkey FOREIGN KEY(actor_id) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX stock_movements_actor_id_idx ON stock_movements (actor_id) WHERE actor_id IS NOT NULL;
CREATE INDEX stock_movements_kind_idx ON stock_movements (kind, occurred_at, id);
CREATE INDEX stock_movements_occurred_at_idx ON stock_movements (occurred_at, id);
CREATE INDEX stock_movements_order_id_idx ON stock_movements (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX stock_movements_reference_idx ON stock_movements (reference) WHERE reference IS NOT NULL;
CREATE INDEX stock_movements_variant_id_idx ON stock_movements (variant_id, occurred_at);
CREATE INDEX stock_movements_warehouse_id_idx ON stock_movements (warehouse_id);
"""
