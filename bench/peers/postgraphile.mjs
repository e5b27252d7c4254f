// The shop by PostGraphile: the schema that it makes of the tables, with lists beside connections, over Node's own server.
import './with-resolvers.mjs'
import { createServer } from 'node:http'
import { grafserv } from 'postgraphile/grafserv/node'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

const pgl = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ['public', 'bench'],
      poolConfig: { max: 10 },
      // No role and no claims: each request would begin a transaction for them.
      pgSettings: null
    })
  ],
  gather: { installWatchFixtures: false },
  schema: { defaultBehavior: '+list +connection' },
  grafast: { explain: false },
  grafserv: { graphiql: false, watch: false, websockets: false }
})

const server = createServer()
server.on('error', (error) => console.error(error))
await pgl.createServ(grafserv).addTo(server)
server.listen(0, '127.0.0.1', () => console.log(`Playground http://127.0.0.1:${server.address().port}/graphql`))
process.on('SIGTERM', () => process.exit(0))
