/**
 * Watches the changes of orders, and misses none of them whatever ends meanwhile. Needs `graphql` and `graphql-ws`, and
 * Node.js 22 or newer (20 with --experimental-websocket).
 *
 * Takes SHOP_URL, SHOP_USERNAME, SHOP_PASSWORD and CURSOR_FILE from the environment, and stops on Ctrl-C or SIGTERM.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';

type Change = { cursor: string; from: string | null; to: string; order: { number: string; status: string } };
type Refusal = { message: string; extensions?: { code?: string; cursor?: string } };

const url = process.env.SHOP_URL ?? 'http://127.0.0.1:8000/graphql';
const file = process.env.CURSOR_FILE ?? 'watch.cursor';
const user = { username: process.env.SHOP_USERNAME ?? 'admin', password: process.env.SHOP_PASSWORD };

const SIGN_IN = `mutation ($input: TokenCreateInput!) {
  granted: tokenCreate(input: $input) { accessToken refreshToken userErrors { message } }
}`;
const REFRESH = `mutation ($input: TokenRefreshInput!) {
  granted: tokenRefresh(input: $input) { accessToken refreshToken userErrors { message } }
}`;
const NEWEST = `query { eventCursor }`;
const STATE = `query { orders(first: 100, filter: {status: {eq: PENDING}}) { nodes { number status } } }`;
const CHANGES = `subscription ($after: String) {
  orderStatusChanged(after: $after) { cursor from to order { number status } }
}`;

/** What you do with a change. It must bear to be repeated: a crash may come before the cursor is kept. */
async function deal({ from, to, order }: Change): Promise<void> {
  console.log(JSON.stringify({ from, to, order: order.number }));
}

/** What you do with the present state, where there is no cursor to go on from. */
async function begin(orders: Change['order'][]): Promise<void> {
  console.log(JSON.stringify({ pending: orders.map((order) => order.number) }));
}

const stopping = new AbortController();
let cursor = existsSync(file) ? readFileSync(file, 'utf8') : '';
let token: string | null = null;
let refreshToken: string | null = null;
let failures = 0;

/** Of the last event that was dealt with, not of the last one received; never half a cursor. */
function keep(newest: string | null): void {
  [cursor, failures] = [newest ?? '', 0];
  writeFileSync(`${file}.new`, cursor);
  renameSync(`${file}.new`, file);
}

async function ask(query: string, input?: object): Promise<any> {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
  const body = JSON.stringify({ query, variables: { input } });
  const answer = await fetch(url, { method: 'POST', headers, body, signal: stopping.signal });
  const { data, errors } = (await answer.json()) as any;
  if (errors) throw errors;
  return data;
}

/** Get a new access token, for each connection: it lasts as long as one can, and holds the rights of today. */
async function signIn(): Promise<void> {
  // A refresh token is good for one use: whether or not an answer comes, it is not sent again.
  const used = refreshToken;
  token = refreshToken = null;
  let granted = used && (await ask(REFRESH, { refreshToken: used })).granted;
  if (!granted?.accessToken) granted = (await ask(SIGN_IN, user)).granted;
  if (!granted.accessToken) throw granted.userErrors;
  ({ accessToken: token, refreshToken } = granted);
}

let pong: NodeJS.Timeout | undefined;
const client = createClient({
  url: url.replace(/^http/, 'ws'),
  connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  // The library would subscribe again with the variables of the first time, and give up on some codes.
  retryAttempts: 0,
  // A peer that is gone without a word is noticed by what it does not answer.
  keepAlive: 20_000,
  on: {
    ping: (received) => void (received || (pong = setTimeout(() => client.terminate(), 10_000))),
    pong: (received) => void (received && clearTimeout(pong)),
    closed: () => clearTimeout(pong),
  },
});

/** One connection, from the cursor to its end. */
async function watch(): Promise<void> {
  await signIn();
  if (!cursor) {
    // In this order: a change between the two is told twice; the other way round it would be lost.
    const { eventCursor } = await ask(NEWEST);
    await begin((await ask(STATE)).orders.nodes);
    keep(eventCursor);
  }
  const variables = { after: cursor || null };
  for await (const { data, errors } of client.iterate<{ orderStatusChanged: Change }>({ query: CHANGES, variables })) {
    if (errors || !data) throw errors;
    await deal(data.orderStatusChanged);
    keep(data.orderStatusChanged.cursor);
  }
}

/** Whether it is of use to connect again after what was thrown. */
function heed(thrown: unknown): boolean {
  // The server restarts (1012), we fell behind (1013), the network is gone: all the same to us.
  if (!Array.isArray(thrown)) return true;
  const { code, cursor: told } = (thrown[0] as Refusal).extensions ?? {};
  if (told) keep(told);
  if (code === 'CURSOR_EXPIRED' || code === 'INVALID_CURSOR') keep(null);
  // Else it is FORBIDDEN, a wrong password, or an operation that does not fit the schema.
  return ['RESYNC', 'UNAUTHENTICATED', 'CURSOR_EXPIRED', 'INVALID_CURSOR', 'INTERNAL_SERVER_ERROR'].includes(code ?? '');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopping.abort();
    client.terminate();
  });
}
while (!stopping.signal.aborted) {
  await watch().catch((thrown) => {
    if (stopping.signal.aborted) return;
    // Of a close event, Node.js shows neither by itself.
    console.error(thrown?.reason === undefined ? thrown : `Closed: ${thrown.code} ${thrown.reason}`);
    if (!heed(thrown)) process.exit(1);
  });
  // Not all at once after a restart, and not ever faster while the server is away.
  const wait = Math.min(30_000, 100 * 2 ** failures++) * (0.5 + Math.random() / 2);
  await sleep(wait, null, { signal: stopping.signal }).catch(() => {});
}
