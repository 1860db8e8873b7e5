/**
 * Loads the Litestream VFS in a process of its own (one SQLite library per process), does what the arguments say, ends.
 *
 *   hydrate OUTPUT   writes the whole database to OUTPUT, every checksum checked on the way
 *   write SQL…       runs each statement through the VFS, which makes it a level-0 file of the replica
 *
 * Needs LITESTREAM_REPLICA_URL; for `hydrate` the LITESTREAM_HYDRATION_* variables and LITESTREAM_LOG_FILE as well.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

const [library = '', verb, ...words] = process.argv.slice(2);
new DatabaseSync(':memory:', { allowExtension: true }).loadExtension(library);
const database = new DatabaseSync('file:peer.db?vfs=litestream', { readOnly: verb === 'hydrate' });

if (verb === 'hydrate') await hydrate(words[0] ?? '');
else await write(words);
database.close();
process.exit(0);

async function hydrate(output: string): Promise<void> {
  database.prepare('SELECT count(*) FROM sqlite_schema').get();
  const logFile = process.env['LITESTREAM_LOG_FILE'] ?? '';
  for (let left = 600; left > 0; left -= 1) {
    const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
    if (log.includes('hydration failed')) throw new Error(log);
    if (log.includes('hydration complete')) {
      // It is removed when the database is closed.
      copyFileSync(process.env['LITESTREAM_HYDRATION_PATH'] ?? '', output);
      return;
    }
    await pause(50);
  }
  throw new Error(`no hydration within 30 s:\n${readFileSync(logFile, 'utf8')}`);
}

async function write(statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    database.exec(statement);
    await pause(300);
  }
  // Its own interval of syncs.
  await pause(1500);
}
