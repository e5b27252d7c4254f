"""The statements of the Online Retail import, from the staged file to the tables of the shop.

Each works on the whole file at once. They run in the order in which they stand here; db/online_retail.py runs
them. Numbers of orders and SKUs are compared by code point, as the columns of the tables are.
"""

LOCK = 1229803602
"""The key of the advisory lock that lets one import run at a time: the letters IMPR."""

# What the shop knows already.

KNOWN_ARTICLES = """
UPDATE staged_articles a SET id = v.id, kind = v.kind, known = true FROM variants v WHERE v.sku = a.sku
"""

KNOWN_ORDERS = """
UPDATE staged_invoices i SET id = o.id, known = true, stored = true
FROM orders o WHERE i.kind = 'SALE' AND o.number = i.number
"""

KNOWN_RETURNS = """
UPDATE staged_invoices i SET id = r.id, known = true, stored = true
FROM returns r WHERE i.kind = 'CANCELLATION' AND r.number = i.number
"""

CONFLICT = """
SELECT i.line, i.number,
  CASE WHEN c.reference IS DISTINCT FROM i.customer THEN 'CustomerID' ELSE 'Country' END AS "column",
  CASE WHEN c.reference IS DISTINCT FROM i.customer THEN c.reference ELSE d.country END AS stored
FROM staged_invoices i
JOIN (SELECT id, customer_id, country FROM orders UNION ALL SELECT id, customer_id, country FROM returns) d
  ON d.id = i.id
LEFT JOIN customers c ON c.id = d.customer_id
WHERE i.known AND (c.reference IS DISTINCT FROM i.customer OR d.country IS DISTINCT FROM i.country)
ORDER BY i.line LIMIT 1
"""

# An adjustment keeps no article, so that its lines are told apart by amount and reason alone.
KNOWN_LINES = """
CREATE TEMP TABLE known_lines ON COMMIT DROP AS
SELECT i.ordinal AS invoice, a.ordinal AS article, 'SALE' AS kind, l.position, l.quantity, l.unit_price,
  l.description
FROM staged_invoices i
JOIN order_lines l ON l.order_id = i.id
JOIN staged_articles a ON a.id = l.variant_id
WHERE i.kind = 'SALE' AND i.known
UNION ALL
SELECT i.ordinal, a.ordinal, 'WRITE_OFF', 0, -m.quantity, 0, m.reason
FROM staged_invoices i
JOIN stock_movements m ON m.reference = i.number AND m.kind = 'WRITE_OFF'
JOIN staged_articles a ON a.id = m.variant_id
WHERE i.kind = 'SALE'
UNION ALL
SELECT i.ordinal, a.ordinal, 'RETURN', l.position, l.quantity, l.unit_price, l.description
FROM staged_invoices i
JOIN return_lines l ON l.return_id = i.id
JOIN staged_articles a ON a.id = l.variant_id
WHERE i.kind = 'CANCELLATION' AND i.known
UNION ALL
SELECT i.ordinal, -1, 'ADJUSTMENT', d.position, 1, d.amount, d.reason
FROM staged_invoices i
JOIN adjustments d ON d.number = i.number
WHERE i.kind = 'ADJUSTMENT'
"""

# As many lines of a key as the shop has are known, first of all those with the same description. Windows over both
# sides at once: the join on so many columns was planned so badly that it did not end within ten minutes.
DROP_KNOWN_LINES = """
WITH lines AS (
  SELECT number, invoice, CASE kind WHEN 'ADJUSTMENT' THEN -1 ELSE article END AS article, kind, quantity,
    unit_price, description
  FROM staged_lines WHERE invoice IN (SELECT invoice FROM known_lines)
  UNION ALL
  SELECT NULL, invoice, article, kind, quantity, unit_price, description FROM known_lines
), ranked AS (
  SELECT lines.*,
    row_number() OVER (same ORDER BY number) <= count(*) FILTER (WHERE number IS NULL) OVER same AS is_same
  FROM lines
  WINDOW same AS (PARTITION BY invoice, kind, article, quantity, unit_price, description)
), ordered AS (
  SELECT number,
    row_number() OVER (alike ORDER BY number IS NULL, is_same DESC, number) AS rank,
    count(*) FILTER (WHERE number IS NULL) OVER alike AS known
  FROM ranked
  WINDOW alike AS (PARTITION BY invoice, kind, article, quantity, unit_price)
)
DELETE FROM staged_lines WHERE number IN (SELECT number FROM ordered WHERE rank <= known)
"""

NUMBER_ADDED_LINES = """
UPDATE staged_lines l SET position = known.last + added.place
FROM (
  SELECT number, row_number() OVER (PARTITION BY invoice ORDER BY number) AS place FROM staged_lines
  WHERE invoice IN (SELECT invoice FROM known_lines)
) added,
(
  SELECT invoice, greatest(max(position), count(*)) AS last FROM known_lines GROUP BY invoice
) known
WHERE added.number = l.number AND known.invoice = l.invoice
"""

DROP_WITHOUT_STOCK = """
DELETE FROM staged_lines l USING staged_articles a
WHERE l.kind = 'WRITE_OFF' AND a.ordinal = l.article AND a.kind <> 'GOODS'
"""

TO_DO = """
SELECT (SELECT count(*) FROM staged_lines) AS lines, (SELECT max(number) FROM staged_lines) AS last,
  (SELECT count(*) FROM staged_articles WHERE NOT known) AS articles
"""

# Who bought, and what there is to buy.

CUSTOMERS = """
INSERT INTO customers (reference, name, created_at)
SELECT customer, 'Customer ' || customer, min(at) FROM staged_invoices WHERE customer IS NOT NULL
GROUP BY customer ORDER BY min(line)
ON CONFLICT (reference) DO NOTHING
"""

CUSTOMER_IDS = """
UPDATE staged_invoices i SET customer_id = c.id FROM customers c WHERE c.reference = i.customer
"""

ADDRESSES = """
INSERT INTO addresses (customer_id, country)
SELECT i.customer_id, i.country FROM staged_invoices i
WHERE i.customer_id IS NOT NULL AND NOT EXISTS (
  SELECT FROM addresses a WHERE a.customer_id = i.customer_id AND a.country = i.country
)
GROUP BY i.customer_id, i.country ORDER BY min(i.line)
"""

PRODUCTS = """
INSERT INTO products (id, name, created_at, updated_at)
SELECT product_id, name, first_seen, first_seen FROM staged_articles WHERE NOT known ORDER BY ordinal
"""

VARIANTS = """
INSERT INTO variants (id, product_id, sku, name, kind, price, currency, created_at, updated_at)
SELECT id, product_id, sku, name, kind, price, :currency, first_seen, first_seen
FROM staged_articles WHERE NOT known ORDER BY ordinal
"""

# Orders.

ORDERS = """
WITH inserted AS (
  INSERT INTO orders (id, number, customer_id, status, total, currency, country, placed_at, approved_at, updated_at)
  SELECT i.id, i.number, i.customer_id, 'DELIVERED', l.total, :currency, i.country, i.at, i.at, i.at
  FROM staged_invoices i
  JOIN (
    SELECT invoice, sum(quantity * unit_price) AS total FROM staged_lines WHERE kind = 'SALE' GROUP BY invoice
  ) l ON l.invoice = i.ordinal
  WHERE NOT i.known ORDER BY i.ordinal
  RETURNING id
)
UPDATE staged_invoices i SET stored = true FROM inserted WHERE inserted.id = i.id
"""

ORDER_LINES = """
INSERT INTO order_lines (order_id, position, variant_id, description, quantity, unit_price, currency)
SELECT i.id, l.position, a.id, l.description, l.quantity, l.unit_price, :currency
FROM staged_lines l
JOIN staged_invoices i ON i.ordinal = l.invoice
JOIN staged_articles a ON a.ordinal = l.article
WHERE l.kind = 'SALE' AND l.number >= :first AND l.number < :end
ORDER BY l.number
"""

ADDED_TO_ORDERS = """
UPDATE orders o
SET total = (SELECT sum(l.quantity * l.unit_price) FROM order_lines l WHERE l.order_id = o.id),
  placed_at = least(o.placed_at, i.at), approved_at = least(o.approved_at, i.at), updated_at = now(),
  version = o.version + 1
FROM staged_invoices i
WHERE o.id = i.id AND i.kind = 'SALE' AND i.known
  AND i.ordinal IN (SELECT invoice FROM staged_lines WHERE kind = 'SALE')
"""

# Returns and adjustments.

RETURNS = """
WITH inserted AS (
  INSERT INTO returns (id, number, customer_id, country, total, currency, returned_at)
  SELECT i.id, i.number, i.customer_id, i.country, l.total, :currency, i.at
  FROM staged_invoices i
  JOIN (
    SELECT invoice, sum(quantity * unit_price) AS total FROM staged_lines WHERE kind = 'RETURN' GROUP BY invoice
  ) l ON l.invoice = i.ordinal
  WHERE NOT i.known ORDER BY i.ordinal
  RETURNING id
)
UPDATE staged_invoices i SET stored = true FROM inserted WHERE inserted.id = i.id
"""

RETURN_LINES = """
INSERT INTO return_lines (return_id, position, variant_id, description, quantity, unit_price, currency)
SELECT i.id, l.position, a.id, l.description, l.quantity, l.unit_price, :currency
FROM staged_lines l
JOIN staged_invoices i ON i.ordinal = l.invoice
JOIN staged_articles a ON a.ordinal = l.article
WHERE l.kind = 'RETURN'
ORDER BY l.number
"""

ADDED_TO_RETURNS = """
UPDATE returns r
SET total = (SELECT sum(l.quantity * l.unit_price) FROM return_lines l WHERE l.return_id = r.id),
  returned_at = least(r.returned_at, i.at)
FROM staged_invoices i
WHERE r.id = i.id AND i.kind = 'CANCELLATION' AND i.known
  AND i.ordinal IN (SELECT invoice FROM staged_lines WHERE kind = 'RETURN')
"""

ANALYZE_ORDERS = "ANALYZE orders, order_lines, returns, return_lines"

# A line is taken back once: of several returns that could mean it, the earliest does.
MATCH_RETURN_LINES = """
WITH candidates AS (
  SELECT l.return_id, l.position, r.returned_at, r.number, count(*) AS n,
    (array_agg(s.order_id))[1] AS order_id, min(s.position) AS order_line_position
  FROM staged_invoices i
  JOIN returns r ON r.id = i.id
  JOIN return_lines l ON l.return_id = r.id
  JOIN orders o ON o.customer_id = r.customer_id AND o.placed_at <= r.returned_at
  JOIN order_lines s ON s.order_id = o.id AND s.variant_id = l.variant_id AND s.quantity = l.quantity
    AND s.unit_price = l.unit_price AND s.currency = l.currency
  WHERE i.kind = 'CANCELLATION' AND l.order_id IS NULL
  GROUP BY l.return_id, l.position, r.returned_at, r.number
), matched AS (
  SELECT candidates.*, row_number() OVER (
    PARTITION BY order_id, order_line_position ORDER BY returned_at, number, position
  ) AS rank
  FROM candidates WHERE n = 1
)
UPDATE return_lines l SET order_id = m.order_id, order_line_position = m.order_line_position
FROM matched m
WHERE l.return_id = m.return_id AND l.position = m.position AND m.rank = 1 AND NOT EXISTS (
  SELECT FROM return_lines other
  WHERE other.order_id = m.order_id AND other.order_line_position = m.order_line_position
)
"""

# A return names an order only where all of its lines go back to that one.
MATCH_RETURNS = """
UPDATE returns r SET order_id = m.order_id
FROM (
  SELECT l.return_id,
    CASE WHEN count(DISTINCT l.order_id) = 1 AND count(*) = count(l.order_id)
      THEN (array_agg(l.order_id))[1] END AS order_id
  FROM staged_invoices i
  JOIN return_lines l ON l.return_id = i.id
  WHERE i.kind = 'CANCELLATION'
  GROUP BY l.return_id
) m
WHERE r.id = m.return_id AND r.order_id IS DISTINCT FROM m.order_id
"""

ADJUSTMENTS = """
INSERT INTO adjustments (number, position, reason, amount, currency, country, adjusted_at)
SELECT i.number, l.position, l.description, l.quantity * l.unit_price, :currency, i.country, l.at
FROM staged_lines l
JOIN staged_invoices i ON i.ordinal = l.invoice
WHERE l.kind = 'ADJUSTMENT'
ORDER BY l.number
"""

# Stock. `running` is what the movements of a variant have summed up to, in the order of their replay.

WAREHOUSE = """
INSERT INTO warehouses (code, name) VALUES ('MAIN', 'Main warehouse') ON CONFLICT (code) DO NOTHING
"""

STAGED_MOVEMENTS = """
CREATE TEMP TABLE staged_movements ON COMMIT DROP AS
SELECT m.*,
  sum(quantity) OVER (PARTITION BY article ORDER BY at, number) AS running,
  row_number() OVER (ORDER BY at, number) AS place
FROM (
  SELECT l.number, l.invoice, l.article, l.at,
    CASE l.kind WHEN 'SALE' THEN 'SHIPMENT' ELSE l.kind END AS kind,
    CASE l.kind WHEN 'RETURN' THEN l.quantity ELSE -l.quantity END AS quantity,
    CASE l.kind WHEN 'WRITE_OFF' THEN l.description END AS reason
  FROM staged_lines l
  JOIN staged_articles a ON a.ordinal = l.article
  WHERE l.kind <> 'ADJUSTMENT' AND a.kind = 'GOODS'
) m
"""

NEW_LEVELS = """
INSERT INTO stock_levels (variant_id, warehouse_id, allow_backorder)
SELECT v.id, w.id, v.allow_backorder
FROM staged_articles a
JOIN variants v ON v.id = a.id
JOIN warehouses w ON w.code = 'MAIN'
WHERE a.ordinal IN (SELECT article FROM staged_movements)
ORDER BY a.ordinal
ON CONFLICT (variant_id, warehouse_id) DO NOTHING
"""

# In the order of their key, as every other command that locks levels does.
LOCK_LEVELS = """
SELECT count(*) FROM (
  SELECT FROM stock_levels s
  JOIN warehouses w ON w.id = s.warehouse_id
  JOIN staged_articles a ON a.id = s.variant_id
  WHERE w.code = 'MAIN'
  ORDER BY s.variant_id, s.warehouse_id
  FOR UPDATE OF s
) locked
"""

STAGED_LEVELS = """
CREATE TEMP TABLE staged_levels ON COMMIT DROP AS
SELECT m.article, s.id, s.variant_id, s.warehouse_id, s.on_hand, s.reserved, m.first_at, m.change, m.highest,
  greatest(0, CASE WHEN s.allow_backorder THEN 0 ELSE s.reserved END - s.on_hand - m.lowest) AS opening
FROM (
  SELECT article, min(at) AS first_at, sum(quantity) AS change, min(running) AS lowest, max(running) AS highest
  FROM staged_movements GROUP BY article
) m
JOIN staged_articles a ON a.ordinal = m.article
JOIN warehouses w ON w.code = 'MAIN'
JOIN stock_levels s ON s.variant_id = a.id AND s.warehouse_id = w.id
"""

TOO_MUCH = """
SELECT m.number, a.sku
FROM staged_levels l
JOIN staged_articles a ON a.ordinal = l.article
JOIN staged_movements m ON m.article = l.article
  AND l.on_hand + l.opening + greatest(m.running, m.running - m.quantity) > :most
WHERE l.on_hand + l.opening + greatest(l.highest, 0) > :most
ORDER BY m.number LIMIT 1
"""

# Before all other movements: their ids grow in this order, and so a variant's ledger by (occurred_at, id) starts
# with its opening receipt.
OPENINGS = """
INSERT INTO stock_movements (variant_id, warehouse_id, kind, quantity, on_hand_before, on_hand_after,
  reserved_before, reserved_after, reason, occurred_at)
SELECT variant_id, warehouse_id, 'OPENING', opening, on_hand, on_hand + opening, reserved, reserved,
  'Opening receipt made by the import', first_at
FROM staged_levels WHERE opening > 0
ORDER BY first_at, article
"""

CLOCK = """
SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) + 1 AS clock,
  CAST(gen_random_uuid() AS text) AS salt
"""

# Many movements share a minute, and only their ids tell their order. uuidv7() keeps it within a millisecond from
# PostgreSQL 18 on; here the place stands where version 7 lets a counter stand (RFC 9562, section 6.2, method 1).
# What follows is as hard to guess as the salt; asking the kernel for random bits would take seconds in all.
MOVEMENTS = """
INSERT INTO stock_movements (id, variant_id, warehouse_id, kind, quantity, on_hand_before, on_hand_after,
  reserved_before, reserved_after, order_id, reason, reference, occurred_at)
SELECT CAST(lpad(to_hex(CAST(:clock AS bigint) + (m.place >> 12)), 12, '0') || '7'
    || lpad(to_hex(m.place & 4095), 3, '0') || '8' || right(md5(:salt || m.place), 15) AS uuid),
  l.variant_id, l.warehouse_id, m.kind, m.quantity, l.on_hand + l.opening + m.running - m.quantity,
  l.on_hand + l.opening + m.running, l.reserved, l.reserved,
  CASE WHEN i.kind = 'SALE' AND i.stored THEN i.id END, m.reason, i.number, m.at
FROM staged_movements m
JOIN staged_levels l ON l.article = m.article
JOIN staged_invoices i ON i.ordinal = m.invoice
WHERE m.place >= :first AND m.place < :end
ORDER BY m.place
"""

# The levels that may become low, before they change: those alone get an event.
SINKING = """
SELECT s.*, w.priority, w.code, v.sku, l.opening + l.change AS change
FROM staged_levels l
JOIN stock_levels s ON s.id = l.id
JOIN warehouses w ON w.id = s.warehouse_id
JOIN variants v ON v.id = s.variant_id
WHERE s.reorder_point > 0 AND l.opening + l.change < 0
ORDER BY v.sku
"""

VERSION = "UPDATE stock_levels SET version = :version WHERE id = :id"

LEVELS = """
UPDATE stock_levels s SET on_hand = l.on_hand + l.opening + l.change FROM staged_levels l WHERE l.id = s.id
"""

# Statistics follow at once, so that the first report after an import is planned well.
ANALYZE = """
ANALYZE customers, addresses, products, variants, adjustments, stock_levels, stock_movements
"""
