// The application of the fault tests: commits numbered rows as fast as told and acknowledges each one after its commit,
// by a line in the file ACKS. Arguments: DATABASE ACKS OPTIONS (JSON, see container.ts).
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import Database from 'better-sqlite3';

const [path, acks, json] = process.argv.slice(2);
const options = { life: 'a', pause: 5, burst: 3, payload: 400, seed: 1, ...JSON.parse(json ?? '{}') };
let state = options.seed >>> 0;
let stopped = false;
process.once('SIGTERM', () => {
  stopped = true;
});

function chance() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const database = new Database(path, { timeout: 10_000 });
database.pragma('journal_mode = WAL');
database.exec(`CREATE TABLE IF NOT EXISTS row (n INTEGER PRIMARY KEY, life TEXT NOT NULL, body BLOB NOT NULL, sum TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS scratch (id INTEGER PRIMARY KEY, body BLOB)`);
const insert = database.prepare('INSERT INTO row VALUES (?, ?, ?, ?)');
const scratch = database.prepare('INSERT OR REPLACE INTO scratch VALUES (?, zeroblob(?))');
const clear = database.prepare('DELETE FROM scratch WHERE id % 7 = ?');
let n = database.prepare('SELECT coalesce(max(n), 0) FROM row').pluck().get();

const commit = database.transaction((number, body) => {
  insert.run(number, options.life, body, createHash('sha256').update(`${number}`).update(body).digest('hex'));
  if (chance() < 0.2) scratch.run(Math.floor(chance() * 200), Math.floor(chance() ** 3 * 40_000));
  if (chance() < 0.02) clear.run(Math.floor(chance() * 7));
});

const latencies = [];
let busy = 0;
while (!stopped) {
  for (let count = 0; count < options.burst && !stopped; count += 1) {
    const size = Math.floor(chance() * options.payload) + 1;
    const body = options.dense ? randomBytes(size) : Buffer.alloc(size, n & 255);
    const began = performance.now();
    try {
      commit.immediate(n + 1, body);
    } catch (error) {
      if (!String(error.code).startsWith('SQLITE_BUSY')) throw error;
      busy += 1;
      continue;
    }
    latencies.push(performance.now() - began);
    n += 1;
    appendFileSync(acks, `${JSON.stringify([n, options.life, Date.now()])}\n`);
  }
  if (chance() < 0.01) database.pragma('wal_checkpoint(TRUNCATE)');
  await new Promise((resolve) => setTimeout(resolve, options.pause));
}
database.close();
latencies.sort((a, b) => a - b);
const at = (quantile) => latencies[Math.floor(quantile * (latencies.length - 1))] ?? 0;
appendFileSync(`${acks}.result`, `${JSON.stringify({ n, busy, p50: at(0.5), p99: at(0.99), max: at(1) })}\n`);
