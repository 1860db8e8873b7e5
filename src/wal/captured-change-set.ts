import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Page } from '../page.ts';
import type { ChangeSet } from './change-set.ts';
import type { PendingPages } from './pending-pages.ts';
import type { PageRun, SnapshotReader } from './snapshot.ts';

export type WalRange = ChangeSet['wal'];

export type ChangeSetFacts = Pick<ChangeSet, 'why' | 'commit' | 'transactions' | 'wal' | 'position'>;

/** A change set of pages that were collected from the WAL. */
export function changeSetOf(pending: PendingPages, facts: ChangeSetFacts): ChangeSet {
  const numbers = pending.numbers(facts.commit);
  return {
    ...facts,
    pageSize: pending.pageSize,
    async *pages(): AsyncGenerator<readonly Page[]> {
      for (const batch of pending.batches(numbers)) {
        yield batch;
        await nextTurn();
      }
    },
    release: async () => pending.close(),
  };
}

/** A change set of pages that are read from a snapshot: all of them, or the runs given. */
export function changeSetFromSnapshot(
  reader: SnapshotReader,
  facts: ChangeSetFacts,
  release: () => void,
  runs?: () => Iterable<PageRun>,
): ChangeSet {
  return {
    ...facts,
    pageSize: reader.pageSize,
    pages: () => reader.pages(runs?.()),
    release: async () => release(),
  };
}
