/**
 * `npm run build [-- FOLDER]`: bundles the sources into dist/, what an image carries. ESM with splitting, so that a verb or a
 * cloud SDK is a chunk that is loaded when it is used. Packages with native code stay outside, in node_modules.
 */
import { copyFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
const fresh = `${dist}.new`;

await rm(fresh, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: 'src/main.ts', out: 'main' },
    // A worker thread's file must stand beside the chunk that starts it.
    { in: 'src/restore/integrity-worker.ts', out: 'chunks/integrity-worker' },
  ],
  outdir: fresh,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  chunkNames: 'chunks/[name]-[hash]',
  external: ['better-sqlite3', 'lz4-napi'],
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'linked',
  metafile: true,
  // Bundled CommonJS packages ask for `require`, which an ES module does not have.
  banner: {
    js: "import{createRequire as $createRequire}from'node:module';const require=$createRequire(import.meta.url);",
  },
});
await copyFile(join(root, 'src/launch.mjs'), join(fresh, 'launch.mjs'));
// The old bundle goes when the new one is whole.
await rm(dist, { recursive: true, force: true });
await rename(fresh, dist);

const sizes = Object.entries(metafile.outputs).filter(([file]) => file.endsWith('.js'));
const total = sizes.reduce((sum, [, { bytes }]) => sum + bytes, 0);
console.log(`dist: ${sizes.length} files, ${Math.round(total / 1024)} KiB`);
