// A program that commits numbered rows: `writer.mjs DATABASE COUNT PAUSE_MS FILE [BYTES]`, of so many bytes each. Writes to
// FILE, per line, the number, when its commit returned (ms since the epoch) and how long it took (ms).
import { closeSync, openSync, writeSync } from 'node:fs';
import Database from 'better-sqlite3';

const [path, count, pauseBetween, file, size = '100'] = process.argv.slice(2);
const db = new Database(path);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = NORMAL');
db.pragma('busy_timeout = 5000');
db.exec(
  'CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY, text TEXT); CREATE TABLE IF NOT EXISTS log (n, filler)',
);
const mark = db.prepare('INSERT OR REPLACE INTO mark VALUES (1, ?)');
const insert = db.prepare('INSERT INTO log VALUES (?, ?)');
// It compresses to half, as people's data does.
const text = Buffer.from(Array.from({ length: Number(size) }, (_, at) => (at % 64 < 32 ? 120 : Math.random() * 256)));
const commit = db.transaction((n) => {
  mark.run(`MARK${String(n).padStart(12, '0')}`);
  insert.run(n, text.subarray(0, Number(size)));
});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const out = openSync(file, 'w');
await pause(1500);
for (let n = 1; n <= Number(count); n += 1) {
  const begun = performance.now();
  commit(n);
  const took = performance.now() - begun;
  writeSync(out, `${n} ${performance.timeOrigin + performance.now()} ${took}\n`);
  // A random phase, so that no timer's beat is measured by chance.
  await pause(Number(pauseBetween) * (0.5 + Math.random()));
}
closeSync(out);
db.close();
await pause(2500);
