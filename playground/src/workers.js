/**
 * Tells the editor where its workers are.
 *
 * Checking a query, a JSON value and the text itself each run in a worker of their own, so that typing
 * stays smooth. They are loaded from fixed addresses on this host: the editor's default, a worker made
 * out of inline code, would not pass the page's content security policy.
 */
const FILES = {
  graphql: '/playground/workers/graphql.js',
  json: '/playground/workers/json.js',
};

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(FILES[label] ?? '/playground/workers/editor.js'),
};
