import type { Log } from '../../observe/log.ts';
import { rateLimited } from '../../observe/rate-limit.ts';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { SyncEvents } from './sync-loop.ts';

/** Turns captures into log lines. @param log carries `db` */
export function syncLog(log: Log, monotonicClock: () => Milliseconds): SyncEvents {
  const limited = rateLimited(milliseconds(30_000));
  return {
    captured: (file, changes) => {
      const fields = { txid: file.maxTxid, transactions: changes.transactions, pages: changes.commit, size: file.size };
      if (changes.why === 'first' || changes.why === 'new-database') log.info('sync: new generation', fields);
      else log.debug('sync', fields);
    },
    failed: (error) => {
      const fields = { hint: error.hint };
      if (limited.admit('failed', monotonicClock()).admitted) log.error(`failed to capture: ${error.message}`, fields);
      else log.debug(`failed to capture: ${error.message}`, fields);
    },
    dropped: (files) => {
      if (!limited.admit('dropped', monotonicClock()).admitted) return;
      log.warn(
        'the staging folder is full: files that an unreachable replica lacks were dropped; it gets a new snapshot',
        {
          from: files[0]?.minTxid,
          to: files.at(-1)?.maxTxid,
        },
      );
    },
  };
}
