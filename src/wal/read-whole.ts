import type { Capture } from './capture.ts';
import { changeSetFromSnapshot } from './captured-change-set.ts';
import type { ChangeSet, Snapshot } from './change-set.ts';
import { differingPages } from './compare-pages.ts';
import { SnapshotReader } from './snapshot.ts';
import type { Baseline } from './start-state.ts';

/**
 * The whole database as of all that was captured, which is to be held where it is meanwhile.
 * @param release ends the hold; called here where this fails
 */
export async function readSnapshot(capture: Capture, release: () => void): Promise<Snapshot> {
  return await orRelease(release, async () => {
    const reader = await openReader(capture);
    return {
      pageSize: reader.pageSize,
      commit: reader.commit,
      wal: capture.emptyRange,
      pages: () => reader.pages(),
      release: async () => release(),
    };
  });
}

/**
 * What the baseline asks for, as of all that was captured: every page, or those that differ from what is known.
 * @param release ends the hold; called here where this fails, or where no page differs
 */
export async function readBaseline(
  baseline: Baseline,
  capture: Capture,
  release: () => void,
): Promise<ChangeSet | undefined> {
  return await orRelease(release, async () => {
    const reader = await openReader(capture);
    const { commit, emptyRange: wal, position } = capture;
    const facts = { why: baseline.why, transactions: 0, commit, wal, position };
    if (baseline.why !== 'downtime') return changeSetFromSnapshot(reader, facts, release);
    const differing = await differingPages(reader, baseline.checksums);
    if (differing.size > 0 || commit !== baseline.checksums.commit) {
      return changeSetFromSnapshot(reader, facts, release, () => differing.runs());
    }
    release();
    return undefined;
  });
}

function openReader({ database, pageSize, commit, position }: Capture): Promise<SnapshotReader> {
  const { databaseFile, walFile } = database;
  return SnapshotReader.open({ databaseFile, walFile, pageSize, commit, position });
}

async function orRelease<T>(release: () => void, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    release();
    throw error;
  }
}
