// The shop by Mercurius, as a good developer writes it by hand: jit, a loader for each edge, prepared statements over pg.
import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import mercurius from 'mercurius'
import pg from 'pg'
import { loaders } from './mercurius-loaders.mjs'
import { schema } from './mercurius-schema.mjs'

const { DATABASE_URL, CUSTOMER_ID } = process.env
// Text as it comes, but for the form of ISO 8601: a Date would lose the microseconds, and cost more.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => text.replace(' ', 'T').replace('+00', 'Z'))
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10, options: '-c timezone=UTC' })
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows

const cursorOf = (order) =>
  Buffer.from(JSON.stringify(['PLACED_AT', order.placedAt, order.id])).toString('base64url')

// One row more than was asked for tells whether there is a next page.
const page = (found, first) => ({ nodes: found.slice(0, first), hasNextPage: found.length > first })

const money = (amount, currencyCode) => ({ amount, currencyCode })
const ORDER = 'id, number, customer_id AS "customerId", status, total, currency, version, placed_at AS "placedAt"'
const toOrder = (row) => Object.assign(row, { total: money(row.total, row.currency) })

const resolvers = {
  Query: {
    async orders(_, { first, after, filter }) {
      const values = [filter.status.in, first + 1]
      let behind = ''
      if (after) {
        const [, placedAt, id] = JSON.parse(Buffer.from(after, 'base64url'))
        values.push(placedAt, id)
        behind = 'AND (placed_at, id) < ($3, $4)'
      }
      const text = `SELECT ${ORDER} FROM orders WHERE status = ANY($1) ${behind} ORDER BY placed_at DESC, id DESC LIMIT $2`
      const { nodes, hasNextPage } = page(await rows(`orders${behind && '-after'}`, text, values), first)
      const edges = nodes.map((row) => ({ cursor: cursorOf(row), node: toOrder(row) }))
      return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null } }
    },
    async order(_, { id }) {
      const [found] = await rows('order', `SELECT ${ORDER} FROM orders WHERE id = $1`, [id])
      return found ? toOrder(found) : null
    },
    async products(_, { first }) {
      const text = `SELECT id, name, description, created_at AS "createdAt", updated_at AS "updatedAt"
        FROM products ORDER BY name, id LIMIT $1`
      return page(await rows('products', text, [first + 1]), first)
    }
  },
  Mutation: {
    async orderPlace(_, { input }, { pubsub }) {
      const lines = [input.lines.map((line) => line.sku), input.lines.map((line) => line.quantity)]
      const text = `SELECT ${ORDER} FROM bench.order_place($1, $2, $3)`
      const [placed] = await rows('order-place', text, [CUSTOMER_ID, ...lines])
      const order = toOrder(placed)
      const told = { cursor: randomUUID(), occurredAt: order.placedAt, to: order.status, order }
      await pubsub.publish({ topic: 'orders', payload: { orderStatusChanged: told } })
      return { order, userErrors: [] }
    }
  },
  Subscription: {
    orderStatusChanged: { subscribe: (_root, _args, { pubsub }) => pubsub.subscribe('orders') }
  }
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, loaders: loaders(rows, money), jit: 1, subscription: true })
// Tells of as many events as the body says; what an order costs to be placed is not in it.
app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body))
app.post('/tell', async ({ body }, reply) => {
  const order = { id: randomUUID(), number: 'OW-001999' }
  for (let count = Number(body); count > 0; count--) {
    const told = { cursor: randomUUID(), occurredAt: new Date().toISOString(), to: 'APPROVED', order }
    app.graphql.pubsub.publish({ topic: 'orders', payload: { orderStatusChanged: told } })
  }
  return reply.code(204).send()
})
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(`Playground http://127.0.0.1:${app.server.address().port}/graphql`)
process.on('SIGTERM', () => process.exit(0))
