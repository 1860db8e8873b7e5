import { toStationError } from '../../errors.ts';
import { checkIntegrity } from '../../restore/integrity-check.ts';
import type { PrepareOptions } from '../replication-settings.ts';

/**
 * SQLite's own check of a restored database that was too large to check before the start, beside the running child. What
 * it finds is told; it does not reject. An abort ends it in silence.
 */
export async function deferredCheck(
  { database, settings, log }: Pick<PrepareOptions, 'database' | 'settings' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const finding = await checkIntegrity(database.path, settings.integrity === 'full' ? 'full' : 'quick', signal);
    if (finding.kind === 'sound') log.info('the restored database is sound');
    else if (finding.kind === 'inconclusive')
      log.warn('the restored database could not be checked', { why: finding.reason });
    else {
      const hint =
        'the replica’s files are whole, so the original was damaged: restore an earlier moment with -timestamp';
      log.error(`the restored database is damaged: ${finding.lines.slice(0, 5).join('; ')}`, { hint });
    }
  } catch (error) {
    if (!signal.aborted) log.warn('the restored database could not be checked', { why: toStationError(error).message });
  }
}
