// The edges: one statement for all parents of a level. Without Mercurius' own cache, which would make a key of each parent's
// JSON; the same key is asked for once all the same.

const LINES = `SELECT order_id AS parent, position, quantity, unit_price, currency, variant_id AS "variantId"
  FROM order_lines WHERE order_id = ANY($1) ORDER BY order_id, position`
const CUSTOMERS = 'SELECT id, name, email FROM customers WHERE id = ANY($1)'
const VARIANT = 'id, product_id AS parent, sku, name, price, currency'
const VARIANTS = `SELECT ${VARIANT} FROM variants WHERE id = ANY($1)`
const OF_PRODUCTS = `SELECT ${VARIANT} FROM variants WHERE product_id = ANY($1) ORDER BY sku`
const LEVELS = `SELECT s.variant_id AS parent, s.on_hand AS "onHand", s.reserved, w.code
  FROM stock_levels s JOIN warehouses w ON w.id = s.warehouse_id WHERE s.variant_id = ANY($1) ORDER BY w.priority, w.code`

export function loaders(rows, money) {
  const toVariant = (row) => Object.assign(row, { price: money(row.price, row.currency) })
  const toLine = (row) => Object.assign(row, { unitPrice: money(row.unit_price, row.currency) })
  const toLevel = (row) => Object.assign(row, { available: row.onHand - row.reserved, warehouse: { code: row.code } })

  const keysOf = (queries, key) => [...new Set(queries.map(({ obj }) => obj[key]).filter(Boolean))]
  const uncached = (loader) => ({ loader, opts: { cache: false } })

  const one = (name, text, key, made) =>
    uncached(async (queries) => {
      const found = new Map()
      for (const row of await rows(name, text, [keysOf(queries, key)])) found.set(row.id, made(row))
      return queries.map(({ obj }) => found.get(obj[key]) ?? null)
    })

  const many = (name, text, made) =>
    uncached(async (queries) => {
      const found = new Map(queries.map(({ obj }) => [obj.id, []]))
      for (const row of await rows(name, text, [[...found.keys()]])) found.get(row.parent).push(made(row))
      return queries.map(({ obj }) => found.get(obj.id))
    })

  return {
    Order: { customer: one('customers', CUSTOMERS, 'customerId', (row) => row), lines: many('lines', LINES, toLine) },
    OrderLine: { variant: one('variants', VARIANTS, 'variantId', toVariant) },
    Product: { variants: many('variants-of', OF_PRODUCTS, toVariant) },
    Variant: { stockLevels: many('levels', LEVELS, toLevel) }
  }
}
