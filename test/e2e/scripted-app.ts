/**
 * A child that does what its arguments say, one step after the other, on the database in $DATABASE:
 *
 *   add=N       commits N rows, one by one; each is told on stdout ("row 7") after its commit: acknowledged
 *   list        tells every row there is on stdout ("seen 1 2 3")
 *   writing     commits a row each 20 ms until SIGTERM or SIGINT, then one more, and goes on with the next step
 *   until-term  waits for SIGTERM or SIGINT, then commits one more row and goes on with the next step
 *   deaf        ignores SIGTERM and SIGINT from here on
 *   forever     waits for ever
 *   grandchild  starts another one of this that outlives it: "writing" in the same process group
 *   delete      closes the database and deletes it with all that belongs to it; the next step makes a new one
 *   exit=N, kill=SIGNAL
 */
import { spawn } from 'node:child_process';
import { rmSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';

const path = process.env['DATABASE'] ?? '';
let database: Database.Database | undefined;
let stopAsked = false;
let deaf = false;
const stop = Promise.withResolvers<void>();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    tell(`got ${signal}`);
    if (deaf) return;
    stopAsked = true;
    stop.resolve();
  });
}

tell('started');
for (const text of process.argv.slice(2)) {
  const [step, value] = text.split('=');
  await perform(step ?? '', value ?? '');
}
database?.close();
// The handlers above do not hold the process.

async function perform(step: string, value: string): Promise<void> {
  switch (step) {
    case 'add':
      for (let left = Number(value); left > 0; left -= 1) add();
      return;
    case 'list':
      return tell(`seen ${open().prepare('SELECT id FROM rows ORDER BY id').pluck().all().join(' ')}`);
    case 'writing':
      while (!stopAsked) {
        add();
        await pause(20);
      }
      return add();
    case 'until-term':
      tell('waiting');
      setInterval(() => {}, 1000).unref();
      await Promise.race([stop.promise, pause(600_000, undefined, { ref: true })]);
      add();
      database?.close();
      return process.exit(0);
    case 'deaf':
      deaf = true;
      return;
    case 'forever':
      tell('waiting');
      return pause(600_000);
    case 'grandchild': {
      const grandchild = spawn(process.execPath, [import.meta.filename, 'writing'], { stdio: 'inherit' });
      tell(`grandchild ${grandchild.pid}`);
      grandchild.unref();
      // Until it writes, and so answers signals.
      for (const before = count(); count() === before; ) await pause(20);
      return;
    }
    case 'delete':
      database?.close();
      database = undefined;
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      return;
    case 'exit':
      return process.exit(Number(value));
    case 'kill':
      process.kill(process.pid, value);
      return pause(10_000);
    default:
      throw new Error(`no such step: ${step}`);
  }
}

function count(): number {
  return Number(open().prepare('SELECT count(*) FROM rows').pluck().get());
}

function add(): void {
  const { lastInsertRowid } = open().prepare('INSERT INTO rows (text) VALUES (hex(randomblob(100)))').run();
  tell(`row ${lastInsertRowid}`);
}

function open(): Database.Database {
  if (database !== undefined) return database;
  database = new Database(path, { timeout: 5000 });
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
  return database;
}

/** Straight to the descriptor: what is told before SIGKILL is told. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}
