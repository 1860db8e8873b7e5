import { isStationError, type StationError, toStationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { type BackoffLimits, backoffDelay } from '../storage/backoff.ts';
import { wait } from '../waiting.ts';
import type { ReplicaAnswer } from './answer.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import type { NamedReplica, RestoreTarget } from './restore-target.ts';
import { type ExcludedFiles, type Survey, surveyReplica } from './survey.ts';

export const DEFAULT_ANSWER_TIMEOUT = milliseconds(30_000);
/** A replica that is silent for so long is named, in milliseconds: whoever waits wants to know for what. */
const SILENCE = 5_000;
const RETRY: BackoffLimits = { first: milliseconds(250), most: milliseconds(5_000) };
/** A file listed a moment ago and gone now: retention ran between. The list is taken anew so many times. */
const RELISTS = 3;

/** What a replica said, and what was found out for it. */
export interface ReplicaReport extends Survey {
  readonly replica: NamedReplica;
  readonly inventory: Inventory | undefined;
}

/**
 * Asks every replica what it holds, all at the same time, each independent of the others. Failures that may pass
 * (unreachable, throttled) are tried again until the deadline; refusals are not.
 * @param tell what is waited for, where one does not answer at once
 * @throws the signal's reason on abort; a replica's failure is an answer, not an error
 */
export async function askReplicas(
  replicas: readonly NamedReplica[],
  target: RestoreTarget,
  timeout: Milliseconds,
  signal: AbortSignal,
  tell: (line: string) => void = () => undefined,
): Promise<readonly ReplicaReport[]> {
  return Promise.all(
    replicas.map((replica) => askReplica(replica, target, [], timeout, signal, 'until-deadline', tell)),
  );
}

/**
 * Asks one replica, some of whose files are known to be damaged.
 * @param retries `none` where the caller tries again by itself, and is to hear of the first failure
 */
export async function askReplica(
  replica: NamedReplica,
  target: RestoreTarget,
  excluding: ExcludedFiles,
  timeout: Milliseconds,
  signal: AbortSignal,
  retries: 'until-deadline' | 'none' = 'until-deadline',
  tell: (line: string) => void = () => undefined,
): Promise<ReplicaReport> {
  if (replica.unreachable !== undefined) return reportOf(replica, excluding, failed(replica, replica.unreachable));
  const deadline = new AbortController();
  const expired = Promise.withResolvers<'expired'>();
  const timer = setTimeout(() => {
    deadline.abort();
    expired.resolve('expired');
  }, timeout);
  const failures: StationError[] = [];
  const silence = setTimeout(() => {
    const why = failures.at(-1)?.message ?? 'it is silent';
    tell(`waiting for ${replica.name}, for up to ${timeout / 1000} s: ${why}`);
  }, SILENCE);
  try {
    const either = AbortSignal.any([signal, deadline.signal]);
    const asked = askUntil(replica, target, excluding, either, failures, retries);
    // A store that ignores its signal must not hold up the others: the deadline is kept here as well.
    asked.catch(() => undefined);
    const report = await Promise.race([asked, expired.promise, rejectOnAbort(signal, expired.promise)]);
    if (report !== 'expired') return report;
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.signal.aborted) return reportOf(replica, excluding, failed(replica, error));
  } finally {
    clearTimeout(timer);
    clearTimeout(silence);
    expired.resolve('expired');
  }
  const last = failures.at(-1);
  const answer: ReplicaAnswer =
    last === undefined ? { kind: 'no-answer', replica: replica.name, waited: timeout } : failed(replica, last);
  return reportOf(replica, excluding, answer);
}

/** Rejects when the signal aborts; leaves no listener once `until` is settled. */
function rejectOnAbort(signal: AbortSignal, until: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    void until.then(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  });
}

async function askUntil(
  replica: NamedReplica,
  target: RestoreTarget,
  excluding: ExcludedFiles,
  signal: AbortSignal,
  failures: StationError[],
  retries: 'until-deadline' | 'none',
): Promise<ReplicaReport> {
  let relists = 0;
  for (;;) {
    signal.throwIfAborted();
    let listed = false;
    try {
      const inventory = await takeInventory(replica.store, signal);
      listed = true;
      return { replica, inventory, ...(await surveyReplica(replica, inventory, target, excluding, signal)) };
    } catch (error) {
      signal.throwIfAborted();
      if (listed && isStationError(error, 'STORAGE_NOT_FOUND') && relists < RELISTS) {
        relists += 1;
        continue;
      }
      if (retries === 'none' || !isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED')) throw error;
      failures.push(error);
      await wait(backoffDelay(failures.length, RETRY, Math.random()), signal);
    }
  }
}

function failed(replica: NamedReplica, error: unknown): ReplicaAnswer {
  return { kind: 'failed', replica: replica.name, error: toStationError(error) };
}

function reportOf(replica: NamedReplica, excluding: ExcludedFiles, answer: ReplicaAnswer): ReplicaReport {
  const excluded = new Map(excluding);
  return { replica, inventory: undefined, answer, plan: undefined, excluded, holdsLater: false };
}
