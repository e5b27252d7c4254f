/**
 * The page itself: GraphiQL with the shop's name, its welcome text and its way to the server.
 *
 * Headers are kept in the browser's storage, so a token survives a reload.
 */
import './workers.js';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { fetcher } from './fetcher.js';
import welcome from './welcome.graphql';

createRoot(document.getElementById('root')).render(
  <GraphiQL
    fetcher={fetcher}
    defaultQuery={welcome}
    defaultEditorToolsVisibility="headers"
    shouldPersistHeaders
  >
    <GraphiQL.Logo>Orderwire</GraphiQL.Logo>
  </GraphiQL>,
);
