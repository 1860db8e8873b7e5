import { readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lockPageNumber } from '../page.ts';
import type { AttachedDatabase } from './attached-database.ts';
import { newestFrames, readFrame } from './page-source.ts';
import type { PendingPages } from './pending-pages.ts';
import type { WalPosition } from './wal-position.ts';
import { sameWal } from './wal-reader.ts';

const PAGES_PER_TURN = 256;

/**
 * Adds the pages from `smallest` (the least size the database had since the last change set) to `commit` that the
 * WAL did not carry: SQLite does not write a page that was freed again in the transaction that made it, and a restored
 * database must not keep, in its place, what stood there before the database shrank.
 *
 * Each gets what a reader sees now: its newest frame that is not backfilled yet (one of before the shrinking), else the
 * database file, else zeros. Both stay as they are as long as the database does not shrink again.
 */
export async function fillGrowth(
  database: AttachedDatabase,
  position: WalPosition | undefined,
  smallest: number,
  commit: number,
  pending: PendingPages,
): Promise<void> {
  const missing = missingPages(smallest, commit, pending);
  if (missing.length === 0) return;
  const index = await database.readableIndex();
  const unfilled = position !== undefined && sameWal(index, position) ? index.backfilled : Number.MAX_SAFE_INTEGER;
  const wanted = new Set(missing);
  const frames = await newestFrames(database.walFile, position, unfilled, (page) => wanted.has(page));
  const data = Buffer.alloc(pending.pageSize);
  const zeros = Buffer.alloc(pending.pageSize);
  for (const [count, page] of missing.entries()) {
    const frame = frames.get(page);
    const found =
      frame !== undefined && position !== undefined && readFrame(database.walFile, position, page, frame, data);
    if (!found) readFromFile(database.databaseFile, page, data);
    if (data.equals(zeros)) pending.putZeros(page);
    else pending.put(page, data);
    if (count % PAGES_PER_TURN === 0) await nextTurn();
  }
}

function missingPages(smallest: number, commit: number, pending: PendingPages): number[] {
  const lockPage = lockPageNumber(pending.pageSize);
  const missing: number[] = [];
  for (let page = smallest + 1; page <= commit; page += 1) {
    if (page !== lockPage && !pending.has(page)) missing.push(page);
  }
  return missing;
}

function readFromFile(file: number, page: number, target: Buffer): void {
  const length = readSync(file, target, 0, target.length, (page - 1) * target.length);
  target.fill(0, length);
}
