import type { ReplicaReport } from './ask-replicas.ts';
import { readHeader } from './position.ts';

/** Two replicas of which the one that reaches further does not contain the other's last commit. */
export interface Fork {
  readonly further: string;
  readonly shorter: string;
}

/**
 * Finds histories that parted although time and TXID agree on which is the newer: one instance went on writing to one
 * replica while another, started elsewhere from an older state, wrote more to the other. The further replica's own
 * file of the shorter one's last TXID gives it away, where it still has one at level 0: it was captured at another time.
 *
 * Costs one 100-byte read for each replica that lags, and none where all are level. A file that cannot be read tells
 * nothing, and stops nothing.
 * @throws the signal's reason on abort
 */
export async function findForks(reports: readonly ReplicaReport[], signal: AbortSignal): Promise<readonly Fork[]> {
  const pairs = reports.flatMap((shorter) => reports.map((further) => ({ shorter, further })));
  const forks = await Promise.all(pairs.map(({ shorter, further }) => forkOf(shorter, further, signal)));
  return forks.filter((fork) => fork !== undefined);
}

async function forkOf(shorter: ReplicaReport, further: ReplicaReport, signal: AbortSignal): Promise<Fork | undefined> {
  if (shorter.answer.kind !== 'holds' || further.answer.kind !== 'holds') return undefined;
  const { position } = shorter.answer;
  const { position: end } = further.answer;
  if (position.format !== undefined || end.format !== undefined) return undefined;
  if (position.level !== 0 || end.txid <= position.txid) return undefined;
  const file = further.inventory?.files.find(
    ({ level, minTxid, maxTxid }) => level === 0 && minTxid === position.txid && maxTxid === position.txid,
  );
  if (file === undefined) return undefined;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(READ_TIMEOUT)]);
  const header = await readHeader(further.replica.store, file, deadline).catch(() => undefined);
  signal.throwIfAborted();
  if (header === undefined || header.timestamp === position.timestamp) return undefined;
  return { further: further.replica.name, shorter: shorter.replica.name };
}

/** Milliseconds for a question that only improves a warning. */
const READ_TIMEOUT = 5_000;
