import type { Log } from '../../observe/log.ts';
import { rateLimited } from '../../observe/rate-limit.ts';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import type { UploaderEvents } from './uploader-options.ts';

/** At most one error line per replica in this time. */
const ERROR_INTERVAL = milliseconds(30_000);
/** Uploads are told of one by one when rare, and together when steady: INFO stays quiet. */
const UPLOAD_INTERVAL = milliseconds(60_000);

/**
 * Turns what happens to one replica into log lines, in Litestream's own words where the guide quotes them.
 * @param log carries `db` and `replica`
 */
export function replicaLog(
  log: Log,
  monotonicClock: () => Milliseconds,
): Pick<UploaderEvents, 'uploaded' | 'failed' | 'recovered' | 'stopped'> {
  const errors = rateLimited(ERROR_INTERVAL);
  const recoveries = rateLimited(ERROR_INTERVAL);
  const uploads = rateLimited(UPLOAD_INTERVAL);
  return {
    uploaded: (file) => {
      const fields = { txid: file.maxTxid, size: file.size };
      if (isWholeDatabase(file)) {
        log.info('write snapshot', fields);
        return;
      }
      const admission = uploads.admit('upload', monotonicClock());
      if (!admission.admitted) log.debug('write wal segment', fields);
      else log.info('write wal segment', admission.heldBack > 0 ? { ...fields, more: admission.heldBack } : fields);
    },
    failed: (error, delay) => {
      const admission = errors.admit('error', monotonicClock());
      const fields = { hint: error.hint, 'retry-in': `${(delay / 1000).toFixed(1)}s` };
      if (!admission.admitted) log.debug(`failed to sync: ${error.message}`, fields);
      else log.error(`failed to sync: ${error.message}`, fields);
    },
    recovered: (failures) => {
      // A replica that comes and goes must not write a line each time: the limit holds across recoveries.
      const admission = recoveries.admit('recovery', monotonicClock());
      log[admission.admitted ? 'info' : 'debug']('replica answers again', { failures });
    },
    stopped: (error) => log.error(`replication to this replica has stopped: ${error.message}`, { hint: error.hint }),
  };
}

function isWholeDatabase(file: StagedFile): boolean {
  return file.minTxid === 1;
}
