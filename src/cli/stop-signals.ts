import { constants } from 'node:os';
import { StationError } from '../errors.ts';

/**
 * Aborts with STOPPED when this process is asked to end, also by the end of its terminal. The second signal of a kind ends it
 * at once.
 */
export function stopSignals(): AbortSignal {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      const exitStatus = 128 + constants.signals[signal];
      abort.abort(new StationError('STOPPED', `stopped by ${signal}`, { exitStatus }));
    });
  }
  return abort.signal;
}
