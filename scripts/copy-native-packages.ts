/**
 * `node scripts/copy-native-packages.ts FOLDER`: copies what the bundle leaves outside, the packages with native code, to
 * FOLDER/node_modules, as far as this machine needs them, and proves that the copies work. For the image: better-sqlite3 brings binaries for eight
 * platforms and the sources of SQLite, of which one platform's binary is used.
 */
import { cp, mkdir, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node scripts/copy-native-packages.ts FOLDER');
const target = join(resolve(folder), 'node_modules');
const source = join(import.meta.dirname, '..', 'node_modules');

await copy('better-sqlite3', ['LICENSE', 'package.json', 'lib', `prebuilds/${process.platform}-${process.arch}.node`]);
await copy('lz4-napi', ['package.json', 'index.js']);
// The one for this machine; npm installs no other.
for (const name of await readdir(join(source, '@antoniomuso'))) await copy(`@antoniomuso/${name}`);

proveThatTheyWork(createRequire(join(target, 'here.cjs')));

async function copy(name: string, parts: readonly string[] = ['']): Promise<void> {
  for (const part of parts) {
    const to = join(target, name, part);
    await mkdir(join(to, '..'), { recursive: true });
    await cp(join(source, name, part), to, { recursive: true });
  }
}

function proveThatTheyWork(load: NodeJS.Require): void {
  const Database = load('better-sqlite3') as new (path: string) => import('better-sqlite3').Database;
  const database = new Database(':memory:');
  console.log(`better-sqlite3: SQLite ${database.prepare('SELECT sqlite_version()').pluck().get()}`);
  database.close();

  const lz4 = load('lz4-napi') as typeof import('lz4-napi');
  const page = Buffer.alloc(4096, 'page');
  if (!lz4.uncompressSync(lz4.compressSync(page)).equals(page)) throw new Error('lz4-napi: lost a page');
  console.log('lz4-napi: compresses and decompresses');
}
