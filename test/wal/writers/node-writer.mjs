// Commits numbered transactions with better-sqlite3. Arguments: path, options as JSON (test/wal/support/writers.ts).
// Transaction n leaves the mark `@@id:n@@` on a page, so that it can be found in page images.
import Database from 'better-sqlite3';

const [path, json] = process.argv.slice(2);
const defaults = { id: 'w', milliseconds: 2000, transactions: Infinity, burst: 16, pause: 8, timeout: 0, payload: 100 };
const o = { ...defaults, pragmas: [], journal: 'wal', ...JSON.parse(json ?? '{}') };
const db = new Database(path, { timeout: o.timeout });
for (const pragma of o.pragmas) db.pragma(pragma);
if (o.journal === 'wal') db.pragma('journal_mode = WAL');
db.exec(`CREATE TABLE IF NOT EXISTS counter(id TEXT PRIMARY KEY, mark TEXT);
  CREATE TABLE IF NOT EXISTS history(id TEXT, n INTEGER, body BLOB)`);
for (const sql of o.sql ?? []) db.exec(sql);

const latencies = [];
const known = db.prepare('SELECT mark FROM counter WHERE id = ?').get(o.id);
let n = Number(known?.mark.match(/:(\d+)@/)?.[1] ?? 0);
let busy = 0;
let state = (o.wild ?? 0) >>> 0;

/** Numbers from 0 to 1, the same for the same seed. */
function chance() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const statements = {
  begin: db.prepare('BEGIN IMMEDIATE'),
  mark: db.prepare('INSERT OR REPLACE INTO counter VALUES (?, ?)'),
  row: db.prepare('INSERT INTO history VALUES (?, ?, ?)'),
  commit: db.prepare('COMMIT'),
  rollback: db.prepare('ROLLBACK'),
};
if (o.wild !== undefined) db.pragma('cache_size = 10');

function wildWork() {
  const rows = Math.floor(chance() ** 4 * 200);
  for (let row = 0; row < rows; row += 1)
    statements.row.run(o.id, n + 1, Buffer.alloc(chance() ** 3 * 30_000, n & 255));
  if (chance() < 0.1)
    db.exec('SAVEPOINT s; UPDATE history SET body = zeroblob(5000) WHERE rowid % 7 = 1; ROLLBACK TO s; RELEASE s');
  if (chance() < 0.1) db.exec('DELETE FROM history WHERE rowid % 3 = 0');
  if (chance() < 0.02) db.exec('DELETE FROM history');
}

const checkpoints = { done: 0, blocked: 0, slowest: 0 };

function checkpoint(kind) {
  const began = performance.now();
  let [row] = db.pragma(`wal_checkpoint(${kind})`);
  // Where two checkpoints meet, SQLite answers the later one at once, whatever its timeout: an application tries again.
  if (row.busy === 1 && performance.now() - began < o.timeout / 2) [row] = db.pragma(`wal_checkpoint(${kind})`);
  checkpoints.done += 1;
  if (kind !== 'PASSIVE') checkpoints.blocked += row.busy;
  checkpoints.slowest = Math.max(checkpoints.slowest, performance.now() - began);
}

function transaction() {
  const began = performance.now();
  try {
    statements.begin.run();
    statements.mark.run(o.id, `@@${o.id}:${String(n + 1).padStart(9, '0')}@@`);
    statements.row.run(o.id, n + 1, Buffer.alloc(o.payload, n & 255));
    if (o.wild !== undefined) wildWork();
    if (o.wild !== undefined && chance() < 0.15) {
      statements.rollback.run();
      return;
    }
    statements.commit.run();
    n += 1;
    latencies.push(performance.now() - began);
    if (o.checkpointEach !== undefined) checkpoint(o.checkpointEach);
    if (o.report) process.stdout.write(`${JSON.stringify({ n, busy })}\n`);
    if (o.wild !== undefined && chance() < 0.02) {
      checkpoint(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'][Math.floor(chance() * 4)]);
    }
  } catch (error) {
    if (!String(error.code).startsWith('SQLITE_BUSY')) throw error;
    busy += 1;
    if (db.inTransaction) statements.rollback.run();
  }
}

const end = performance.now() + o.milliseconds;
while (performance.now() < end && n < o.transactions) {
  for (let i = 0; i < o.burst && n < o.transactions; i += 1) transaction();
  await new Promise((resolve) => setTimeout(resolve, o.pause));
}
latencies.sort((a, b) => a - b);
const at = (quantile) => latencies[Math.floor(quantile * (latencies.length - 1))] ?? 0;
process.stdout.write(
  `${JSON.stringify({ n, busy, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1), checkpoints })}\n`,
);
if (o.noClose) process.kill(process.pid, 'SIGKILL');
db.close();
