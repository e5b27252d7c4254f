/**
 * Carries GraphiQL's operations to the server: queries and mutations by POST, subscriptions over a
 * WebSocket (the graphql-transport-ws sub-protocol).
 *
 * A browser cannot put headers on a WebSocket, so the server takes them from the first message,
 * connection_init. That message is sent once per connection; a shared connection would keep the token
 * it was opened with. Hence one client, and one connection, per subscription: each start uses the
 * headers as they are typed at that moment, and stopping it closes the socket.
 */
import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';

const endpoint = new URL('/graphql', window.location.href);
const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

export function fetcher(params, { headers } = {}) {
  const operation = chosenOperation(params);
  const request = { ...params, operationName: operation?.name?.value };
  return operation?.operation === 'subscription' ? subscribe(request, headers) : post(request, headers);
}

/**
 * The operation to run, or nothing if the text does not parse or leaves the choice open: then the server
 * says what is wrong. GraphiQL notes a new operation's name a moment after it is typed, so a name that
 * the text no longer holds is passed over.
 */
function chosenOperation({ query, operationName }) {
  try {
    const document = parse(query);
    return getOperationAST(document, operationName) ?? getOperationAST(document);
  } catch {
    return undefined;
  }
}

async function post(request, typedHeaders) {
  const headers = new Headers(typedHeaders);
  headers.set('Accept', 'application/json');
  headers.set('Content-Type', 'application/json');
  const response = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(request) });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw failure(`The server answered ${response.status} ${response.statusText}: ${text}`);
  }
}

function subscribe(request, headers) {
  return {
    subscribe(sink) {
      const client = createClient({
        url: socketEndpoint.href,
        connectionParams: headers,
        retryAttempts: 0,
      });
      const unsubscribe = client.subscribe(request, {
        next: (result) => sink.next(result),
        error: (reason) => sink.error(readable(reason)),
        complete: () => sink.complete(),
      });
      return { unsubscribe };
    },
  };
}

/** A refused or lost connection arrives as a bare close event, which GraphiQL could not print. */
function readable(reason) {
  if (reason instanceof CloseEvent) {
    return failure(`The connection was closed: ${reason.code} ${reason.reason}`.trim());
  }
  return reason;
}

/** An error without its stack, which GraphiQL would print and which says nothing about the shop. */
function failure(message) {
  const error = new Error(message);
  error.stack = undefined;
  return error;
}
