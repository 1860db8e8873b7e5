import type { Log } from '../observe/log.ts';
import type { RestoreEvents } from '../restore/restore-options.ts';

/** How often a restore tells how far it is. */
const PROGRESS_INTERVAL = 5_000;

/** Turns what a restore tells into log lines. @param log carries `db` */
export function restoreLog(log: Log): RestoreEvents {
  let next = performance.now() + PROGRESS_INTERVAL;
  return {
    step: (line) => log.info(line),
    warn: (line) => log.warn(line),
    progress: (done, total) => {
      if (performance.now() < next) return;
      next = performance.now() + PROGRESS_INTERVAL;
      log.info('restoring', { percent: Math.floor((100 * done) / Math.max(1, total)), bytes: done, of: total });
    },
  };
}
