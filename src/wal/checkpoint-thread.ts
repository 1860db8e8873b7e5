import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/**
 * What the thread runs; as text, so that a bundle needs no second entry. It shares the process's one SQLite library, and
 * so its locks: this process must not close a descriptor of the database before the thread is done.
 */
const program = `
  const { workerData } = require('node:worker_threads');
  const Database = require(workerData.library);
  const connection = new Database(workerData.path, { timeout: 0, fileMustExist: true });
  connection.pragma('synchronous = NORMAL');
  connection.pragma('wal_checkpoint(PASSIVE)');
  connection.close();
`;

/**
 * One PASSIVE checkpoint in a thread of its own: copying a gigabyte on the event loop would stop it for seconds.
 * Resolves when the thread is done, whether it could do anything or not; a later checkpoint does the rest.
 */
export function checkpointInThread(path: string): Promise<void> {
  const library = createRequire(import.meta.url).resolve('better-sqlite3');
  return new Promise((resolve) => {
    const worker = new Worker(program, { eval: true, execArgv: [], workerData: { library, path } });
    worker.unref();
    worker.once('error', () => resolve());
    worker.once('exit', () => resolve());
  });
}
