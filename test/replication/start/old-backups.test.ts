import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { milliseconds, txid } from '../../../src/quantities.ts';
import { PageChecksums } from '../../../src/replication/staging/page-checksums.ts';
import { noPosition } from '../../../src/replication/staging/position-file.ts';
import { laterThan, lookAtOldBackups } from '../../../src/replication/start/old-backups.ts';
import type { LegacyPosition } from '../../../src/restore/answer.ts';
import type { ReplicaReport } from '../../../src/restore/ask-replicas.ts';
import { openFileStore } from '../../../src/storage/file/store.ts';

let folder: string;
let database: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'old-backups-'));
  database = join(folder, 'station.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MINUTE = 60_000;
const noon = Date.UTC(2026, 0, 15, 12);

function writtenAt(path: string, time: number): void {
  writeFileSync(path, 'content');
  utimesSync(path, time / 1000, time / 1000);
}

/** @param wal when its newest segment was written */
function holding(timestamp: number, wal: number | undefined): ReplicaReport {
  const position: LegacyPosition = {
    format: 'litestream-0.3',
    generation: '0123456789abcdef',
    index: 3,
    offset: 0,
    timestamp: milliseconds(timestamp),
    walTimestamp: wal === undefined ? undefined : milliseconds(wal),
    unreachable: 0,
  };
  return {
    replica: { name: 'old', store: openFileStore({ type: 'file', path: folder }) },
    inventory: undefined,
    answer: { kind: 'holds', replica: 'old', position, beside: { kind: 'empty', replica: 'old' } },
    plan: undefined,
    excluded: new Map(),
    holdsLater: false,
  };
}

test('a backup that ends with the last write to the database is behind it, whenever its snapshot was taken', async () => {
  writtenAt(database, noon);
  const { ahead, latest } = await lookAtOldBackups([holding(noon + 60 * MINUTE, noon + 1_000)], database);
  expect(ahead).toEqual([]);
  expect(latest).toBe(noon + 60 * MINUTE);
});

test('a backup with WAL of an hour after the last write to the database is ahead, and both times are named', async () => {
  writtenAt(database, noon);
  const { ahead } = await lookAtOldBackups([holding(noon + 60 * MINUTE, noon + 60 * MINUTE)], database);
  expect(ahead).toEqual([
    expect.stringMatching(/^replica old is ahead: .*WAL 00000003.* 2026-01-15T13:00.* 2026-01-15T12:00/),
  ]);
});

test('a write that is still in the WAL counts', async () => {
  writtenAt(database, noon);
  writtenAt(`${database}-wal`, noon + 59 * MINUTE);
  expect((await lookAtOldBackups([holding(noon + 60 * MINUTE, noon + 60 * MINUTE)], database)).ahead).toEqual([]);
});

test('what is written next is later than the backup, and never earlier than what was written before', () => {
  const checksums = new PageChecksums(join(folder, 'none'), undefined, undefined, new Map());
  const at = (timestamp: number) => ({
    position: { ...noPosition, txid: txid(4), timestamp: milliseconds(timestamp) },
    level0: [],
    snapshot: undefined,
    checksums,
  });
  expect(laterThan(milliseconds(500), at(100)).position).toMatchObject({ txid: 4, timestamp: 500 });
  expect(laterThan(milliseconds(500), at(900)).position).toMatchObject({ txid: 4, timestamp: 900 });
});
