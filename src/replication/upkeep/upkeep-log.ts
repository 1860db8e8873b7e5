import type { Log } from '../../observe/log.ts';
import { rateLimited } from '../../observe/rate-limit.ts';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import { SNAPSHOT_LEVEL } from '../levels/held-files.ts';
import { summarize, summarizeLegacy } from '../levels/retention-summary.ts';
import type { UpkeepEvents } from './upkeep-options.ts';

/** At most one line of a kind per replica in this time. */
const LINE_INTERVAL = milliseconds(30_000);
/** So many names are told of those that a store keeps. */
const MOST_NAMES = 5;

/**
 * Turns the upkeep of one replica into log lines: what is made and goes all day long at DEBUG, the rest at INFO.
 * @param log carries `db` and `replica`
 */
export function upkeepLog(log: Log, monotonicClock: () => Milliseconds): Omit<UpkeepEvents, 'fenced'> {
  const limited = rateLimited(LINE_INTERVAL);
  return {
    merged: ({ level, minTxid, maxTxid, size }, inputs) =>
      log.debug('compaction complete', { into: level, from: minTxid, to: maxTxid, size, inputs }),
    snapshot: ({ maxTxid, size }) => log.info('write snapshot', { txid: maxTxid, size }),
    retention: (plan) => {
      for (const line of summarize(plan)) log.debug(`retention: ${line}`);
    },
    retained: (plan) => {
      const past = plan.going.filter(({ why }) => why === 'past-retention');
      const snapshots = past.filter(({ file }) => file.level === SNAPSHOT_LEVEL).length;
      const size = plan.going.reduce((sum, { file }) => sum + file.size, 0);
      const fields = { files: plan.going.length, snapshots, size };
      log[past.length > 0 ? 'info' : 'debug']('retention: deleted what is no longer promised', fields);
    },
    legacyRetention: (plan) => {
      for (const line of summarizeLegacy(plan)) log.debug(`retention: ${line}`);
    },
    legacyRetained: ({ verdicts }) => {
      const removed = verdicts.flatMap((verdict) => verdict.removed);
      const size = removed.reduce((sum, object) => sum + object.size, 0);
      const fields = { objects: removed.length, size };
      log.info('retention: deleted what is no longer promised of the backups of Litestream 0.3', fields);
    },
    undeleted: (keys) =>
      log.warn('the store says that these were deleted, and keeps them', {
        files: keys.length,
        keys: keys.slice(0, MOST_NAMES).join(' '),
        hint: 'they cost room and nothing else; the next start tries again. Look for versioning, object lock, or a legal hold',
      }),
    damaged: (error) =>
      log.error(`a file of the replica is damaged: ${error.message}`, {
        hint: 'a new snapshot follows, from which later states are restored; states between cannot be',
      }),
    failed: (error, delay) => {
      const fields = { hint: error.hint, 'retry-in': `${(delay / 1000).toFixed(1)}s` };
      const level = limited.admit('failed', monotonicClock()).admitted ? 'warn' : 'debug';
      log[level](`failed to keep the replica in shape: ${error.message}`, fields);
    },
  };
}
