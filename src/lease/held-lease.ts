import { StationError } from '../errors.ts';
import type { Milliseconds } from '../quantities.ts';
import type { ObjectVersion } from '../storage/object-store.ts';
import { describeHolder } from './describe-lease.ts';
import { hasLapsed, type Instance, type Moment } from './judge-lease.ts';
import type { LeaseRecord } from './lease-record.ts';
import { claimed, freed, renewed, type Takeover, written } from './next-lease.ts';
import type { SharedRecord } from './shared-record.ts';

export interface HeldLeaseOptions {
  readonly shared: SharedRecord;
  /** For messages. */
  readonly url: string;
  readonly me: Instance;
  readonly clock: () => Moment;
  readonly newNonce: () => string;
  /** Another instance asks for it. Told at every renewal for as long as the request stands. */
  readonly requested: (by: string) => void;
  /** Somebody had deleted it; it is made anew. */
  readonly vanished: () => void;
}

/** So often in a row somebody else may get in between before a write is put off. */
const ATTEMPTS = 5;

/** A lease in our hands: how long it stands, and the writes that keep it or give it back. They must run one at a time. */
export class HeldLease {
  readonly #options: HeldLeaseOptions;
  #record: LeaseRecord;
  #version: ObjectVersion;
  /** When the request that got or renewed it was begun: from here its duration counts. */
  #from: Moment;
  /** Of writes whose outcome is not known, and the last one that took effect. */
  #nonces: Set<string>;
  #isWriter = false;

  /** @param from when the request was begun that wrote the record */
  constructor(options: HeldLeaseOptions, record: LeaseRecord, version: ObjectVersion, from: Moment) {
    this.#options = options;
    this.#record = record;
    this.#version = version;
    this.#from = from;
    this.#nonces = noncesOf(record);
  }

  get record(): LeaseRecord {
    return this.#record;
  }

  get version(): ObjectVersion {
    return this.#version;
  }

  /** Whether it stands still: no other instance can hold it by the rules that all keep to. */
  get isValid(): boolean {
    return !hasLapsed(this.#record, this.#from, this.#options.clock());
  }

  /** Whether what the replica holds was written last by an instance with another disk, as far as is known. */
  get isAfterAnother(): boolean {
    const writer = this.#record.station?.writer;
    return !this.#isWriter && writer !== undefined && writer !== '' && writer !== this.#options.me.disk;
  }

  /** What this disk holds continues what the replica holds. It is told with the next write. */
  noteWriter(): void {
    this.#isWriter = true;
  }

  /** @throws StationError LEASE_LOST, and what the store throws */
  async renew(takeover: Takeover | undefined, signal: AbortSignal): Promise<void> {
    const { shared, clock, url, requested } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const from = clock();
      const record = renewed(this.#asWriter(this.#record), from.wall, this.#nonce(), takeover);
      const outcome = await shared.write(record, this.#version, signal);
      if (outcome.kind === 'written') return this.#hold(record, outcome.version, from);
      const { found } = outcome;
      if (found.record === undefined) await this.#recreate(record, from, signal);
      else if (this.#isMine(found.record) && found.version !== undefined) {
        this.#record = found.record;
        this.#version = found.version;
        const request = found.record.station?.request;
        if (request !== undefined) requested(request.owner);
      } else throw lostTo(found.record, url, clock().wall);
      if (this.isValid && this.#record === record) return;
    }
    throw new StationError('STORAGE_UNREACHABLE', `${url}: others write to it at every renewal`);
  }

  /**
   * Gives it back. Nothing follows it.
   * @param state `left` where an upload was broken off and may still arrive
   * @throws what the store throws
   */
  async free(state: 'released' | 'left', takeover: Takeover | undefined, signal: AbortSignal): Promise<void> {
    const { shared, me, clock } = this.#options;
    let record = this.#asWriter(takeover?.isClaimed === true ? claimed(this.#record) : this.#record);
    let version: ObjectVersion | undefined = this.#version;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const outcome = await shared.write(freed(record, state, me, clock().wall, this.#nonce()), version, signal);
      if (outcome.kind === 'written' || !this.#isMine(outcome.found.record)) return;
      ({ record, version } = outcome.found as { record: LeaseRecord; version: ObjectVersion });
    }
  }

  /** Somebody deleted it. Nobody else has it, if it can be created. */
  async #recreate(record: LeaseRecord, from: Moment, signal: AbortSignal): Promise<void> {
    const { shared, url, clock, vanished } = this.#options;
    const outcome = await shared.write(record, undefined, signal);
    if (outcome.kind === 'written') {
      this.#hold(record, outcome.version, from);
      vanished();
    } else if (!this.#isMine(outcome.found.record)) throw lostTo(outcome.found.record, url, clock().wall);
  }

  #hold(record: LeaseRecord, version: ObjectVersion, from: Moment): void {
    this.#record = record;
    this.#version = version;
    this.#from = from;
    this.#nonces = noncesOf(record);
  }

  #nonce(): string {
    const nonce = this.#options.newNonce();
    this.#nonces.add(nonce);
    return nonce;
  }

  #asWriter(record: LeaseRecord): LeaseRecord {
    return this.#isWriter ? written(record, this.#options.me.disk) : record;
  }

  /** Our own last write, or one before it whose answer was lost; perhaps with a request that somebody added. */
  #isMine(record: LeaseRecord | undefined): record is LeaseRecord {
    return record?.station?.state === 'held' && this.#nonces.has(record.station.nonce);
  }
}

function noncesOf({ station }: LeaseRecord): Set<string> {
  return new Set(station === undefined ? [] : [station.nonce]);
}

function lostTo(record: LeaseRecord | undefined, url: string, now: Milliseconds): StationError {
  if (record === undefined) return new StationError('LEASE_LOST', `${url}: the lease is gone`);
  if (record.station?.state === 'broken') {
    return new StationError('LEASE_LOST', `${url}: the lease was broken by a person`);
  }
  return new StationError('LEASE_LOST', `${url}: the lease was taken over by ${describeHolder(record, now)}`);
}
