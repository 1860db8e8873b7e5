import type { DatabaseFolderConfig } from '../../config/config.ts';
import { isStationError, StationError, toStationError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Milliseconds } from '../../quantities.ts';
import type { RestorePolicy } from '../../restore/choose.ts';
import { backoffDelay } from '../../storage/backoff.ts';
import { openStore } from '../../storage/open-store.ts';
import { wait } from '../../waiting.ts';
import { findReplicated } from './replicated-databases.ts';

const RETRY = { first: 250 as Milliseconds, most: 5_000 as Milliseconds };

type Answer =
  | { readonly kind: 'answered'; readonly replica: string; readonly databases: readonly string[] }
  | { readonly kind: 'failed'; readonly replica: string; readonly error: StationError };

/**
 * The databases of a folder that any of its replicas holds: relative paths, in order. Cannot reach is not empty: where
 * nothing was found, every replica has answered.
 * @param patience how long a replica may stay silent
 * @throws StationError RESTORE_UNREACHABLE; the signal's reason on abort
 */
export async function findInReplicas(
  folder: DatabaseFolderConfig,
  policy: RestorePolicy,
  patience: Milliseconds,
  signal: AbortSignal,
  log: Log,
): Promise<readonly string[]> {
  const asked = folder.template.replicas.filter(({ name }) => policy.from === undefined || name === policy.from);
  const answers = await Promise.all(asked.map((replica) => askReplica(folder, replica, patience, signal)));
  const failed = answers.filter((answer) => answer.kind === 'failed');
  const found = new Set(answers.flatMap((answer) => (answer.kind === 'answered' ? answer.databases : [])));
  const [first] = failed;
  if (first !== undefined && (found.size === 0 || policy.quorum === 'all')) {
    const what = found.size === 0 ? 'no replica that answered holds a database of' : 'not every replica answered for';
    const why = failed.map(({ replica, error }) => `${replica}: ${error.message}`).join('; ');
    throw new StationError('RESTORE_UNREACHABLE', `${what} ${folder.path}: ${why}`, { cause: first.error });
  }
  for (const { replica, error } of failed) {
    log.warn('a replica did not say which databases it holds: going on with those of the others', {
      folder: folder.path,
      replica,
      error: error.message,
    });
  }
  return [...found].sort();
}

async function askReplica(
  folder: DatabaseFolderConfig,
  { name, store: where }: DatabaseFolderConfig['template']['replicas'][number],
  patience: Milliseconds,
  signal: AbortSignal,
): Promise<Answer> {
  const store = await openStore(where);
  const silent = new AbortController();
  let last = new StationError('STORAGE_UNREACHABLE', `${store.url}: no answer within ${patience / 1000} s`);
  const timer = setTimeout(() => silent.abort(), patience);
  const either = AbortSignal.any([signal, silent.signal]);
  try {
    for (let failures = 1; ; failures += 1) {
      try {
        const heard = () => void timer.refresh();
        return { kind: 'answered', replica: name, databases: await findReplicated(store, folder, either, heard) };
      } catch (error) {
        either.throwIfAborted();
        if (!isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED')) throw error;
        last = error;
        await wait(backoffDelay(failures, RETRY, Math.random()), either);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failed', replica: name, error: silent.signal.aborted ? last : toStationError(error) };
  } finally {
    clearTimeout(timer);
    await store.close();
  }
}
