// Speaks to a server by the client of the package graphql-ws, and tells what it hears, a line of JSON each.
// Arguments: the address, the value of Authorization, and a document to subscribe to.
const { createClient } = require('graphql-ws/client');

const [url, authorization, document] = process.argv.slice(2);
const tell = (...what) => console.log(JSON.stringify(what));

const client = createClient({
  url,
  retryAttempts: 0,
  connectionParams: { Authorization: authorization },
  on: { closed: ({ code, reason }) => tell('closed', code, reason) },
});

const begin = (name, query, variables, then = () => {}) =>
  client.subscribe(
    { query, variables },
    {
      next: ({ data }) => tell(name, 'next', data),
      error: (error) => then(tell(name, 'error', error.code ?? error.map((each) => each.extensions.code))),
      complete: () => then(tell(name, 'complete')),
    },
  );
const run = (name, query, variables) => new Promise((then) => begin(name, query, variables, then));

async function main() {
  const stop = begin('watch', document);
  await run('query', '{ me { username } }');
  await run('mutation', 'mutation ($t: String!) { tokenRefresh(input: {refreshToken: $t}) { userErrors { code } } }', {
    t: 'x',
  });
  await run('broken', '{ qwerty }');
  tell('ready');
  // What the test does now is told; then this side completes the subscription, and with it the socket.
  process.stdin.once('data', () => (stop(), process.stdin.unref()));
}

main();
