/**
 * A child that runs its arguments as SQL scripts on $DATABASE, in order.
 * `:delete` deletes the database instead; `:pause` waits for more than a sync interval.
 */
import { rmSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';

const path = process.env['DATABASE'] ?? '';
let database: Database.Database | undefined;

for (const script of process.argv.slice(2)) {
  if (script === ':pause') await pause(1300);
  else if (script === ':delete') deleteDatabase();
  else {
    database ??= new Database(path, { timeout: 5000 });
    database.exec(script);
  }
}
database?.close();
writeSync(1, 'done\n');

function deleteDatabase(): void {
  database?.close();
  database = undefined;
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}
