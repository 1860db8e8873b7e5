/** Backups of Litestream 0.3 whose objects are sound, each by itself, but not what their names say: commits would be missing. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { decompressFrames } from '../../../src/restore/legacy/decompress.ts';
import { formatIndex } from '../../../src/restore/legacy/legacy-key.ts';
import { walOrder } from '../../../src/restore/legacy/wal-order.ts';
import { WalStream } from '../../../src/restore/legacy/wal-stream.ts';
import type { RestoreTarget } from '../../../src/restore/restore-target.ts';
import { lz4Frame } from '../../ltx/build-file.ts';
import { createSite, type Site } from '../site.ts';

const PAGE_SIZE = 4096;
const ROUNDS = 5;
const generation = 'generations/0123456789abcdef';
const began = Date.UTC(2026, 0, 15);

let site: Site;
beforeEach(() => {
  site = createSite();
  writeBackup();
});
afterEach(() => site.remove());

const pathOf = (key: string) => join(site.folder, 'old', generation, key);
const snapshotOf = (index: number) => `snapshots/${formatIndex(index)}.snapshot.lz4`;
const walOf = (index: number) => `wal/${formatIndex(index)}_00000000.wal.lz4`;

function put(key: string, content: Buffer, time: number): void {
  mkdirSync(dirname(pathOf(key)), { recursive: true });
  writeFileSync(pathOf(key), lz4Frame(content, { maxBlock: 7 }));
  utimesSync(pathOf(key), time / 1000, time / 1000);
}

/**
 * A WAL file a round, each with a row of its own that is written over in place, and a snapshot before each. Another
 * connection writes in between, as Litestream itself does.
 */
function writeBackup(): void {
  const path = join(site.folder, 'source.db');
  const [database, litestream] = [new Database(path), new Database(path)];
  database.pragma(`page_size = ${PAGE_SIZE}`);
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 0');
  litestream.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE seq (n); CREATE TABLE more (x)');
  for (let id = 0; id < ROUNDS; id += 1)
    database.prepare('INSERT INTO row VALUES (?, ?)').run(id, 'of before'.repeat(400));
  litestream.exec('INSERT INTO seq VALUES (0)');
  database.pragma('wal_checkpoint(RESTART)');
  for (let index = 0; index < ROUNDS; index += 1) {
    const time = began + index * 60_000;
    put(snapshotOf(index), readFileSync(path), time);
    litestream.exec('UPDATE seq SET n = n + 1');
    database.prepare('UPDATE row SET body = ? WHERE id = ?').run(`of ${index}`.padEnd(3_600, '.'), index);
    database.exec('INSERT INTO more VALUES (zeroblob(9000))');
    put(walOf(index), validPartOf(readFileSync(`${path}-wal`)), time + 30_000);
    database.pragma('wal_checkpoint(RESTART)');
  }
  database.close();
  litestream.close();
}

/** Behind it are frames of before the WAL was begun anew. */
function validPartOf(wal: Buffer): Buffer {
  const stream = new WalStream(PAGE_SIZE, () => {});
  stream.push(wal);
  return wal.subarray(0, stream.validBytes);
}

/** Which rounds the restored database has. */
async function restoredRounds(
  moment?: number,
): Promise<{ readonly rounds: string; readonly fellBack: readonly string[] }> {
  const target: RestoreTarget =
    moment === undefined ? { kind: 'newest' } : { kind: 'timestamp', timestamp: milliseconds(moment) };
  const { fellBack } = await site.restore([site.replica('old')], { target, overwrite: true });
  const database = new Database(site.output, { readonly: true });
  try {
    const bodies = database.prepare('SELECT body FROM row ORDER BY id').pluck().all() as string[];
    return { rounds: bodies.map((body, id) => (body.startsWith(`of ${id}`) ? id : '-')).join(''), fellBack };
  } finally {
    database.close();
    for (const suffix of ['-wal', '-shm']) if (existsSync(site.output + suffix)) rmSync(site.output + suffix);
  }
}

async function contentOf(key: string): Promise<Buffer> {
  const stored = (async function* () {
    yield readFileSync(pathOf(key));
  })();
  const pieces: Buffer[] = [];
  for await (const piece of decompressFrames(stored, key)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** With the time that belongs to its new name. */
function move(from: string, to: string): void {
  renameSync(pathOf(from), pathOf(to));
  const index = Number.parseInt(/[0-9a-f]{8}/.exec(to)?.[0] ?? '', 16);
  const time = (began + index * 60_000 + (to.startsWith('wal') ? 30_000 : 0)) / 1000;
  utimesSync(pathOf(to), time, time);
}

function without(...keys: readonly string[]): void {
  for (const key of keys) rmSync(pathOf(key));
}

test('as it was written, all of it is restored', async () => {
  expect(await restoredRounds()).toEqual({ rounds: '01234', fellBack: [] });
  without(...[1, 2, 3, 4].map(snapshotOf));
  expect(await restoredRounds()).toEqual({ rounds: '01234', fellBack: [] });
});

test('an older snapshot under the name of the newest is named, and one used that leads past it', async () => {
  without(snapshotOf(2), snapshotOf(3));
  move(snapshotOf(1), snapshotOf(4));
  const { rounds, fellBack } = await restoredRounds();
  expect(rounds).toBe('01234');
  expect(fellBack).toEqual([
    expect.stringMatching(/00000004\.snapshot\.lz4: is older than the WAL that is replayed over it$/),
  ]);
});

test('an older snapshot under the name of the only one: nothing is published', async () => {
  without(snapshotOf(0), snapshotOf(2), snapshotOf(3));
  move(snapshotOf(1), snapshotOf(4));
  await expect(restoredRounds()).rejects.toThrow(/1 damaged: .*00000004\.snapshot\.lz4\), but no sound snapshot/);
  expect(site.names()).toEqual([]);
});

test('a snapshot that is newer than its WAL is not restored to a moment in it', async () => {
  without(snapshotOf(1), ...[2, 3].map(snapshotOf), ...[3, 4].map(walOf));
  writeFileSync(pathOf(snapshotOf(2)), readFileSync(pathOf(snapshotOf(4))));
  utimesSync(pathOf(snapshotOf(2)), (began + 120_000) / 1000, (began + 120_000) / 1000);
  without(snapshotOf(4));
  const { rounds, fellBack } = await restoredRounds();
  expect(rounds).toBe('012--');
  expect(fellBack).toEqual([
    expect.stringMatching(/00000002\.snapshot\.lz4: is ahead of the WAL that is replayed over it$/),
  ]);
});

test('a snapshot that is no sound state by itself is none of its moment, and leads to those after it', async () => {
  without(...[1, 2, 3, 4].map(snapshotOf));
  const written = new Set<number>();
  const wal = new WalStream(PAGE_SIZE, (page) => written.add(page));
  wal.push(await contentOf(walOf(0)));
  const snapshot = await contentOf(snapshotOf(0));
  for (const page of written)
    if (page > 1 && page * PAGE_SIZE <= snapshot.length) snapshot.fill(0, (page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  put(snapshotOf(0), snapshot, began);

  const first = new Date(began + 30_000).toISOString();
  await expect(restoredRounds(began)).rejects.toMatchObject({
    message: expect.stringMatching(
      new RegExp(
        `is missing or damaged for a state of .* or before; it holds ${first} \\(generation 0123456789abcdef, WAL 00000000\\) to`,
      ),
    ),
  });
  expect(site.names()).toEqual([]);
  expect((await restoredRounds(began + 30_000)).rounds).toBe('0----');
  expect((await restoredRounds()).rounds).toBe('01234');
});

describe('a WAL file that Litestream 0.3 never saw', () => {
  test('the state before it is restored, not one that lacks its commits, and the loss is told', async () => {
    without(...[1, 2, 3, 4].map(snapshotOf));
    for (const index of [2, 3]) move(walOf(index + 1), walOf(index));
    const { rounds, fellBack } = await restoredRounds();
    expect(rounds).toBe('01---');
    expect(fellBack).toContainEqual(expect.stringMatching(/wal\/00000002_.* does not follow the WAL file before it/));
    expect(fellBack).toContainEqual(expect.stringMatching(/lists 2 WAL segments behind .*cannot be reached/));
  });

  test('loses nothing where a snapshot was taken after it', async () => {
    without(...[1, 2].map(snapshotOf));
    for (const index of [2, 3]) move(walOf(index + 1), walOf(index));
    move(snapshotOf(4), snapshotOf(3));
    expect((await restoredRounds()).rounds).toBe('01234');
  });
});

test('two WAL files that were exchanged are not replayed over each other', async () => {
  without(...[2, 3, 4].map(snapshotOf));
  const [second, third] = [readFileSync(pathOf(walOf(2))), readFileSync(pathOf(walOf(3)))];
  const times = [2, 3].map((index) => statSync(pathOf(walOf(index))).mtime);
  writeFileSync(pathOf(walOf(2)), third);
  writeFileSync(pathOf(walOf(3)), second);
  for (const [at, time] of times.entries()) utimesSync(pathOf(walOf(at + 2)), time, time);
  const { rounds } = await restoredRounds();
  expect(rounds).toBe('01---');
});

test('salts tell what follows, and nothing where one was drawn anew', () => {
  expect(walOrder(7, 8)).toBe('next');
  expect(walOrder(0xffffffff, 0)).toBe('next');
  expect(walOrder(7, 9)).toBe('missing');
  expect(walOrder(0xffffffff, 5)).toBe('missing');
  expect(walOrder(7, 7)).toBe('earlier');
  expect(walOrder(0, 0xffffffff)).toBe('earlier');
  expect(walOrder(7, 0x40000000)).toBe('anew');
  expect(walOrder(undefined, 7)).toBe('anew');
});
