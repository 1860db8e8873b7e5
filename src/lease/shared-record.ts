import { isStationError, StationError } from '../errors.ts';
import type { ConditionalObject, ObjectVersion } from '../storage/object-store.ts';
import { formatLease, type LeaseRecord, parseLease } from './lease-record.ts';

/** A state of the record, or that there is none. */
export interface Seen {
  readonly record: LeaseRecord | undefined;
  readonly version: ObjectVersion | undefined;
}

type Written =
  | { readonly kind: 'written'; readonly version: ObjectVersion }
  | { readonly kind: 'conflict'; readonly found: Seen };

/** A request that has not been answered by now is begun anew. */
const ANSWER = 10_000;
/** The same in the last sync, which a connection that hangs must not use up. */
const ANSWER_IN_HURRY = 1_500;

/** The record that all instances share, read and replaced as a whole. */
export class SharedRecord {
  readonly #object: ConditionalObject;
  readonly #url: string;
  readonly #limits = new Set<{ timer: NodeJS.Timeout; readonly late: () => void }>();
  #patience = ANSWER;

  constructor(object: ConditionalObject, url: string) {
    this.#object = object;
    this.#url = url;
  }

  /** From now on requests have a moment only, the one under way too. */
  hurry(): void {
    this.#patience = ANSWER_IN_HURRY;
    for (const limit of this.#limits) {
      clearTimeout(limit.timer);
      limit.timer = setTimeout(limit.late, this.#patience);
    }
  }

  /** @throws StationError STORAGE_*, LEASE_INVALID; the signal's reason on abort */
  async read(signal: AbortSignal): Promise<Seen> {
    return this.#seen(await this.#inTime(signal, (limited) => this.#object.read(limited)));
  }

  /**
   * Replaces the state of that version, and finds out by reading back what became of a write whose outcome is in doubt.
   * @throws StationError STORAGE_*: it is not there, though it may still arrive; LEASE_INVALID; the signal's reason on abort
   */
  async write(record: LeaseRecord, expected: ObjectVersion | undefined, signal: AbortSignal): Promise<Written> {
    const bytes = formatLease(record);
    try {
      const version = await this.#inTime(signal, (limited) => this.#object.write(bytes, expected, limited));
      return { kind: 'written', version };
    } catch (error) {
      signal.throwIfAborted();
      if (!isStationError(error, 'STORAGE_ALREADY_EXISTS', 'STORAGE_UNREACHABLE', 'STORAGE_BROKEN')) throw error;
      const found = await this.#inTime(signal, (limited) => this.#object.read(limited));
      const isOurs = found !== undefined && Buffer.from(bytes).equals(found.bytes);
      if (isOurs) return { kind: 'written', version: found.version };
      if (!isStationError(error, 'STORAGE_ALREADY_EXISTS')) throw error;
      return { kind: 'conflict', found: this.#seen(found) };
    }
  }

  #seen(found: Awaited<ReturnType<ConditionalObject['read']>>): Seen {
    if (found === undefined) return { record: undefined, version: undefined };
    return { record: parseLease(found.bytes, this.#url), version: found.version };
  }

  /** A store that does not answer at all must not keep who waits for it for ever. */
  async #inTime<T>(signal: AbortSignal, operation: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    const late = () => abort.abort(new StationError('STORAGE_UNREACHABLE', `${this.#url} did not answer in time`));
    const limit = { timer: setTimeout(late, this.#patience), late };
    this.#limits.add(limit);
    try {
      return await operation(AbortSignal.any([signal, abort.signal]));
    } finally {
      clearTimeout(limit.timer);
      this.#limits.delete(limit);
    }
  }
}
