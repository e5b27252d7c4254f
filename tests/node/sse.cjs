// The reference client of GraphQL over server-sent events: a query, a document that does not fit, and then a subscription
// that goes on through whatever ends its connection. Prints what it is told, a value a line.
const { createClient } = require('graphql-sse');

const [, , url, token] = process.argv;
const tell = (value) => console.log(JSON.stringify(value));
const client = createClient({
  url,
  headers: () => ({ Authorization: `Bearer ${token}` }),
  retryAttempts: 100,
  retry: () => new Promise((resolve) => setTimeout(resolve, 20)),
  on: { connected: () => tell('connected') },
});

const run = (query) =>
  new Promise((resolve) => {
    client.subscribe(
      { query },
      {
        next: tell,
        error: (error) => resolve(tell({ error: String(error) })),
        complete: () => resolve(tell('complete')),
      },
    );
  });

(async () => {
  await run('{ me { username } }');
  await run('{ qwerty }');
  await run('subscription { orderStatusChanged { to } }');
})();
