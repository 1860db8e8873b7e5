import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { lockPageNumber } from '../../../src/page.ts';
import type { ChangeSet, Snapshot } from '../../../src/wal/change-set.ts';

const COMPARE_SIZE = 1024 * 1024;

export type TakenChangeSet = Pick<ChangeSet, 'why' | 'commit' | 'transactions' | 'wal' | 'position' | 'pageSize'> & {
  readonly pages: number;
};

/** A database file made of change sets alone, as a restore would make it; it holds each of them to the contract. */
export class Replica {
  readonly taken: TakenChangeSet[] = [];
  readonly #file: number;

  constructor(path: string, kind: 'new' | 'existing' = 'new') {
    this.#file = openSync(path, kind === 'new' ? 'w+' : 'r+');
  }

  async apply(changeSet: ChangeSet): Promise<void> {
    if (changeSet.why === 'first' || changeSet.why === 'new-database') ftruncateSync(this.#file, 0);
    const pages = await this.#write(changeSet);
    await changeSet.release();
    const { why, commit, transactions, wal, position, pageSize } = changeSet;
    this.taken.push({ why, commit, transactions, wal, position, pageSize, pages });
    if (wal.offset < 32 || wal.size < 0) throw new Error(`WAL range ${wal.offset}+${wal.size}`);
    const expected = commit - (commit >= lockPageNumber(pageSize) ? 1 : 0);
    if ((why === 'first' || why === 'new-database') && pages !== expected)
      throw new Error(`${pages} pages of ${expected}`);
  }

  async #write(source: Pick<Snapshot, 'pages' | 'commit' | 'pageSize'>): Promise<number> {
    const { commit, pageSize } = source;
    const lockPage = lockPageNumber(pageSize);
    let last = 0;
    let count = 0;
    for await (const batch of source.pages()) {
      for (const page of batch) {
        if (page.number <= last) throw new Error(`page ${page.number} after page ${last}`);
        if (page.number > commit || page.number === lockPage) throw new Error(`page ${page.number} of ${commit}`);
        if (page.data.length !== pageSize) throw new Error(`page of ${page.data.length} bytes`);
        last = page.number;
        count += 1;
        writeSync(this.#file, page.data, 0, pageSize, (page.number - 1) * pageSize);
      }
    }
    if (commit < 1) throw new Error('a change set of a database without pages');
    ftruncateSync(this.#file, commit * pageSize);
    return count;
  }

  /** Where the replica differs from a file: nowhere is `undefined`. To be asked when nobody follows that file any more. */
  differenceFrom(path: string, pageSize: number): string | undefined {
    const other = openSync(path, 'r');
    try {
      const size = fstatSync(this.#file).size;
      if (size !== fstatSync(other).size) return `sizes ${size} and ${fstatSync(other).size}`;
      const chunk = Math.max(1, Math.floor(COMPARE_SIZE / pageSize)) * pageSize;
      const here = Buffer.alloc(chunk);
      const there = Buffer.alloc(chunk);
      const differing: number[] = [];
      for (let offset = 0; offset < size; offset += chunk) {
        const length = readSync(this.#file, here, 0, chunk, offset);
        readSync(other, there, 0, chunk, offset);
        if (here.compare(there, 0, length, 0, length) === 0) continue;
        for (let at = 0; at < length; at += pageSize) {
          const page = (offset + at) / pageSize + 1;
          const same = here.compare(there, at, at + pageSize, at, at + pageSize) === 0;
          if (!same && page !== lockPageNumber(pageSize)) differing.push(page);
        }
      }
      return differing.length === 0 ? undefined : `${differing.length} pages: ${differing.slice(0, 20).join(' ')}`;
    } finally {
      closeSync(other);
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Writes a snapshot to a file. */
export async function saveSnapshot(snapshot: Snapshot, path: string): Promise<void> {
  const file = openSync(path, 'w');
  try {
    for await (const batch of snapshot.pages()) {
      for (const page of batch) writeSync(file, page.data, 0, snapshot.pageSize, (page.number - 1) * snapshot.pageSize);
    }
    ftruncateSync(file, snapshot.commit * snapshot.pageSize);
  } finally {
    closeSync(file);
  }
}
