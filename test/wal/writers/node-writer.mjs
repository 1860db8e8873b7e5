// Commits numbered transactions. Arguments: path, JSON of { id, milliseconds, burst, pause, rows, mode, pageSize, pragmas }.
// Each transaction n puts the marker `@@id:n@@` on the counter page, so that it can be found in page images.
import Database from 'better-sqlite3';

const [path, json] = process.argv.slice(2);
const o = { id: 'w', milliseconds: 2000, burst: 16, pause: 8, timeout: 0, payload: 100, pragmas: [], ...JSON.parse(json ?? '{}') };
const db = new Database(path, { timeout: o.timeout });
for (const pragma of o.pragmas) db.pragma(pragma);
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE IF NOT EXISTS counter(id TEXT PRIMARY KEY, mark TEXT); CREATE TABLE IF NOT EXISTS history(id TEXT, n INTEGER, body BLOB)');
const start = db.prepare('SELECT mark FROM counter WHERE id = ?').get(o.id)?.mark.match(/:(\d+)@/)?.[1] ?? '0';
const mark = db.prepare('INSERT OR REPLACE INTO counter VALUES (?, ?)');
const row = db.prepare('INSERT INTO history VALUES (?, ?, ?)');
const begin = db.prepare('BEGIN IMMEDIATE');
const commit = db.prepare('COMMIT');
const rollback = db.prepare('ROLLBACK');
const body = Buffer.alloc(o.payload, 7);
const latencies = [];
let n = Number(start);
let busy = 0;
const once = () => {
  const began = performance.now();
  try {
    begin.run();
    mark.run(o.id, `@@${o.id}:${String(n + 1).padStart(9, '0')}@@`);
    row.run(o.id, n + 1, body);
    commit.run();
    n += 1;
    latencies.push(performance.now() - began);
  } catch (error) {
    if (!String(error.code).startsWith('SQLITE_BUSY')) throw error;
    busy += 1;
    if (db.inTransaction) rollback.run();
  }
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const end = performance.now() + o.milliseconds;
while (performance.now() < end) {
  for (let i = 0; i < o.burst; i += 1) once();
  await sleep(o.pause);
}
latencies.sort((a, b) => a - b);
const at = (q) => latencies[Math.floor(q * (latencies.length - 1))];
process.stdout.write(JSON.stringify({ n, busy, p50: at(0.5), p99: at(0.99), p999: at(0.999) }));
if (o.exit === 'kill') process.kill(process.pid, 'SIGKILL');
db.close();
