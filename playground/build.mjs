/**
 * Builds the playground into dist/, which the server mounts at /playground/.
 *
 * Three builds, since each part is loaded in its own way:
 * - the page is an ES module, split so that the editor and the formatter arrive after the first paint;
 * - the workers are classic scripts, one whole file each, because a worker shares no module with the page;
 * - the styles are one sheet with the fonts inside. The editor's modules import the same rules again,
 *   so the page's build reads those imports as empty.
 */
import { cp, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(dirname(fileURLToPath(import.meta.url)));
await rm('dist', { recursive: true, force: true });

const shared = {
  bundle: true,
  minify: true,
  target: 'es2022',
  outdir: 'dist',
  logLevel: 'warning',
};

await Promise.all([
  build({
    ...shared,
    entryPoints: { app: 'src/main.jsx' },
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    jsx: 'automatic',
    loader: { '.css': 'empty', '.graphql': 'text' },
    // GraphiQL asks for these two by their CommonJS names, which a split build turns into a bare default export.
    alias: {
      'prettier/parser-babel': 'prettier/plugins/babel',
      'prettier/parser-graphql': 'prettier/plugins/graphql',
    },
  }),
  build({
    ...shared,
    entryPoints: {
      'workers/editor': 'monaco-editor/esm/vs/editor/editor.worker.js',
      'workers/json': 'monaco-editor/esm/vs/language/json/json.worker.js',
      'workers/graphql': 'monaco-graphql/esm/graphql.worker.js',
    },
    format: 'iife',
  }),
  build({ ...shared, entryPoints: { app: 'src/style.css' } }),
  cp('src/index.html', 'dist/index.html'),
  cp('src/favicon.svg', 'dist/favicon.svg'),
]);
