/**
 * `npm run bench [-- SCENARIO…] [-- --quick]`: us and stock Litestream 0.5.17, side by side in one run, as a table with
 * ratios. Absolute times on a shared machine mean little; the ratios are what to read.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../src/storage/open-store.ts';
import { type S3Server, startS3Server } from '../test/servers/s3-server.ts';
import { s3Options } from '../test/storage/s3/backend.ts';
import { type Contender, litestream, ours, oursUnchecked, type Place } from './contender.ts';
import { formatRow, percentile, type Row } from './measure.ts';
import { copyReplica, makeReplica } from './replica-content.ts';
import { commitLatency } from './scenarios/commit-latency.ts';
import { compaction } from './scenarios/compaction.ts';
import { durableLag } from './scenarios/durable-lag.ts';
import { idle } from './scenarios/idle.ts';
import { restartUpload } from './scenarios/restart-upload.ts';
import { compareRestores } from './scenarios/restore.ts';
import { startUp } from './scenarios/start-up.ts';

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const chosen = words.filter((word) => !word.startsWith('--'));
const other = await litestream();
const credentials = {
  LITESTREAM_ACCESS_KEY_ID: 'test',
  LITESTREAM_SECRET_ACCESS_KEY: 'testsecret',
  AWS_REGION: 'us-east-1',
};
Object.assign(process.env, credentials);
delete process.env['AWS_CA_BUNDLE'];

const scenarios: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  'start-up': benchStartUp,
  'lag-rare': () => benchLag('rare commits', quick ? 6 : 25, 2_500),
  'lag-steady': () => benchLag('20 commits/s', quick ? 100 : 500, 50),
  commits: benchCommits,
  idle: benchIdle,
  restart: benchRestart,
  restore: benchRestore,
  compaction: benchCompaction,
};

console.log('| what | ours | other | against | ratio |\n|---|---|---|---|---|');
for (const [name, scenario] of Object.entries(scenarios)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const row of await scenario()) console.log(formatRow(row));
}
process.exit(0);

async function benchStartUp(): Promise<readonly Row[]> {
  const samples = { ours: [] as number[], litestream: [] as number[] };
  for (let round = 0; round < (quick ? 3 : 10); round += 1) {
    for (const contender of [ours, other])
      samples[contender.name].push(await inPlace((place) => startUp(contender, place)));
  }
  const [mine, theirs] = [percentile(samples.ours, 0.5), percentile(samples.litestream, 0.5)];
  return [row('exec to child running, nothing to restore, p50', 'ms', mine, theirs)];
}

async function benchLag(what: string, count: number, pauseBetween: number): Promise<readonly Row[]> {
  const mine = await inPlace((place) => durableLag(ours, place, count, pauseBetween));
  const theirs = await inPlace((place) => durableLag(other, place, count, pauseBetween));
  return [
    row(`commit to durable, ${what}, 1 s interval, p50`, 'ms', mine.p50, theirs.p50),
    row(`commit to durable, ${what}, 1 s interval, p99`, 'ms', mine.p99, theirs.p99),
  ];
}

async function benchCommits(): Promise<readonly Row[]> {
  const count = quick ? 500 : 3_000;
  const rows: Row[] = [];
  const alone = await inPlace((place) => commitLatency(undefined, place, count, 4));
  const mine = await inPlace((place) => commitLatency(ours, place, count, 4));
  const theirs = await inPlace((place) => commitLatency(other, place, count, 4));
  for (const [name, share] of [
    ['p50', 'p50'],
    ['p99', 'p99'],
  ] as const) {
    rows.push(row(`the program's commit, ${name}`, 'ms', mine[share], alone[share], 'unreplicated'));
    rows.push(row(`the program's commit, ${name}`, 'ms', mine[share], theirs[share]));
  }
  return rows;
}

async function benchIdle(): Promise<readonly Row[]> {
  const seconds = quick ? 10 : 60;
  const measure = (contender: Contender) =>
    onS3(async (place, server) => {
      fill(place.database, 10);
      return await idle(contender, place, seconds, () => server.requests.length);
    });
  const [mine, theirs] = [await measure(ours), await measure(other)];
  return [
    row(`processor time in ${seconds} s of idleness`, 'ms', mine.cpuMilliseconds, theirs.cpuMilliseconds),
    row(`requests in ${seconds} s of idleness`, '', mine.requests, theirs.requests),
    row('memory when idle', 'MB', mine.megabytes, theirs.megabytes),
  ];
}

async function benchRestart(): Promise<readonly Row[]> {
  const measure = (contender: Contender) =>
    onS3(async (place, server) => {
      fill(place.database, 50);
      await idle(contender, place, 3, () => 0);
      return await restartUpload(contender, place, server);
    });
  return [
    row(
      'uploaded after a restart on an empty disk, 50 MB database',
      'bytes',
      await measure(ours),
      await measure(other),
    ),
  ];
}

async function benchRestore(): Promise<readonly Row[]> {
  const megabytes = quick ? 100 : 1_024;
  const files = quick ? 500 : 5_000;
  const rows: Row[] = [];
  for (const commits of [0, files]) {
    const what = `restore of ${megabytes} MB${commits === 0 ? '' : ` and ${commits} small files`}`;
    await onS3(async (s3, server) => {
      const folder = join(s3.folder, 'replica');
      fill(s3.database, megabytes);
      await makeReplica(s3.database, folder, commits);
      rows.push(...(await restoreRows(`${what} from a folder`, { ...s3, replicaUrl: `file://${folder}` })));
      await copyReplica(
        folder,
        await openStore(s3Options(server, { bucket: 'bench', path: 'db', region: 'us-east-1', forcePathStyle: true })),
      );
      server.faults.add({ do: { kind: 'delay', milliseconds: 20 } });
      rows.push(...(await restoreRows(`${what} from S3, 20 ms more a request`, s3)));
    });
  }
  return rows;
}

async function restoreRows(what: string, place: Place): Promise<readonly Row[]> {
  const contenders = [ours, other, oursUnchecked];
  const [mine, theirs, unchecked] = await compareRestores(contenders, place, quick ? 1 : 3);
  return [
    row(what, 's', mine?.seconds ?? Number.NaN, theirs?.seconds),
    row('the same, unchecked by SQLite', 's', unchecked?.seconds ?? Number.NaN, theirs?.seconds),
    row('most memory during it', 'MB', mine?.megabytes ?? Number.NaN, theirs?.megabytes),
    row('processor time for it', 's', mine?.cpuSeconds ?? Number.NaN, theirs?.cpuSeconds),
  ];
}

async function benchCompaction(): Promise<readonly Row[]> {
  const seconds = quick ? 25 : 120;
  const measure = async (contender: Contender) => {
    const plain = await inPlace((place) => compaction(contender, place, ['24h'], seconds));
    const merging = await inPlace((place) => compaction(contender, place, ['5s', '20s'], seconds));
    if (plain.merged > 0 || merging.merged === 0) {
      throw new Error(
        `${contender.name} merged ${plain.merged} times when it should not, ${merging.merged} when it should`,
      );
    }
    return { ...merging, mergingAlone: merging.cpuMilliseconds - plain.cpuMilliseconds };
  };
  const [mine, theirs] = [await measure(ours), await measure(other)];
  const what = `${seconds} s of 20 commits of 40 kB a second`;
  return [
    row(`processor time, merging every 5 s, ${what}`, 'ms', mine.cpuMilliseconds, theirs.cpuMilliseconds),
    row('of it more than without merging', 'ms', mine.mergingAlone, theirs.mergingAlone),
    row('files at level 1 at the end', '', mine.merged, theirs.merged),
    row('most memory during it', 'MB', mine.megabytes, theirs.megabytes),
  ];
}

function row(what: string, unit: string, mine: number, other: number | undefined, against = 'litestream 0.5.17'): Row {
  return { what, unit, ours: mine, other, against };
}

/** A fresh folder with a folder replica in it, removed afterwards. */
async function inPlace<T>(measure: (place: Place) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  mkdirSync(join(folder, 'data'));
  const replica = join(folder, 'replica');
  try {
    return await measure({
      folder,
      database: join(folder, 'data', 'bench.db'),
      replica: `type: file\npath: ${replica}`,
      syncInterval: '1s',
      replicaUrl: `file://${replica}`,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function onS3<T>(measure: (place: Place, server: S3Server) => Promise<T>): Promise<T> {
  const server = await startS3Server({ buckets: ['bench'] });
  try {
    return await inPlace((place) =>
      measure(
        {
          ...place,
          replica: `type: s3\nbucket: bench\npath: db\nendpoint: ${server.url}\nregion: us-east-1\nforce-path-style: true`,
          replicaUrl: `s3://bench/db?endpoint=${server.url}&region=us-east-1&force-path-style=true`,
        },
        server,
      ),
    );
  } finally {
    await server.stop();
  }
}

/** Makes a database of about this size, a mix of text and random bytes, so that it compresses as people's do. */
function fill(database: string, megabytes: number): void {
  const rows = Math.ceil((megabytes * 1024 * 1024) / 4_000);
  const sql = `PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE filler (id INTEGER PRIMARY KEY, data BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO filler SELECT i, CAST(printf('%.*c', 1800, 'a') || i AS BLOB) || randomblob(2000) FROM n;
    PRAGMA wal_checkpoint(TRUNCATE);`;
  const made = spawnSync('sqlite3', [database, sql]);
  if (made.status !== 0) throw new Error(`sqlite3: ${made.stderr}`);
}
