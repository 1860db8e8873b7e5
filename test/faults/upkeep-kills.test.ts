import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { FaultPoint } from '../../src/fault-points.ts';
import { txid } from '../../src/quantities.ts';
import { takeInventory } from '../../src/restore/inventory.ts';
import { restorablePoints } from '../../src/restore/plan.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { HurriedSite } from '../replication/support/hurried-site.ts';
import { createRandom } from './support/random.ts';

const process_ = join(import.meta.dirname, 'hurried-life-process.ts');
const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 1e9));
const points: readonly FaultPoint[] = ['after-merge', 'before-delete', 'after-delete', 'before-upload', 'after-upload'];

it(`kill -9 while files are merged, copied and deleted loses nothing and doubles nothing (FAULT_SEED=${seed})`, {
  retry: 0,
  timeout: 240_000,
}, async () => {
  const random = createRandom(seed);
  await using site = new HurriedSite();
  let durable = 0;
  let killed = 0;
  for (const point of [...points, undefined, ...points, undefined]) {
    // Most uploads are those of level 0.
    const count = random.between(1, point?.endsWith('upload') ? 60 : 3);
    killed += (await live(site, point && `${point}:${count}`, random.between(1_500, 4_000))) ? 1 : 0;
    const rows = await rowsOf(site);
    expect(rows).toBeGreaterThanOrEqual(durable);
    durable = rows;
    const inventory = await takeInventory(await openStore({ type: 'file', path: site.replicaFolder('one') }), never);
    const all = restorablePoints(inventory);
    for (const number of [all[0], all[random.between(0, all.length - 1)], all.at(-1)]) {
      if (number !== undefined) await site.restored('one', { kind: 'txid', txid: txid(number) });
    }
    for (const level of [1, 2]) expectNoOverlap(site, level);
  }
  expect(durable).toBeGreaterThan(100);
  expect(killed).toBeGreaterThanOrEqual(points.length);
});

const never = new AbortController().signal;

/** One life, to its fault point or for so long. Whether it was the fault point that ended it. */
async function live(site: HurriedSite, faultPoint: string | undefined, atMost: number): Promise<boolean> {
  const environment = { PATH: process.env['PATH'], ...(faultPoint && { STATION_FAULT_POINT: faultPoint }) };
  const child = spawn(process.execPath, [process_, site.folder], { stdio: 'inherit', env: environment });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const limit = faultPoint === undefined ? atMost : 15_000;
  const signal = await Promise.race([ended, sleep(limit, undefined, { ref: false })]);
  if (signal === undefined) child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  return signal === 'SIGKILL';
}

async function rowsOf(site: HurriedSite): Promise<number> {
  await site.restored('one');
  const database = new Database(join(site.folder, 'restored.db'), { readonly: true });
  try {
    const [row] = database.prepare('SELECT count(*) AS rows, coalesce(max(id), 0) AS newest FROM t').all() as [
      { rows: number; newest: number },
    ];
    expect(row.newest).toBe(row.rows);
    return row.rows;
  } finally {
    database.close();
  }
}

/**
 * No TXID is in two files of a level, and none between them is missing: unless a death has lasted longer than the
 * retention. Then level-0 files go that nobody has merged, and the level goes on above a snapshot that holds them.
 */
function expectNoOverlap(site: HurriedSite, level: number): void {
  const files = site.rangesAt('one', level);
  const snapshot = site.rangesAt('one', 9).at(-1)?.maxTxid ?? 0;
  for (const [index, file] of files.entries()) {
    const next = (files[index - 1]?.maxTxid ?? 0) + 1;
    if (index === 0 || file.minTxid === next) continue;
    expect(file.minTxid).toBeGreaterThan(next);
    expect(snapshot).toBeGreaterThanOrEqual(file.minTxid - 1);
  }
}
