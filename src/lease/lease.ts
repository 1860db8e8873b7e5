import { isStationError, StationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { ConditionalObject, ObjectVersion } from '../storage/object-store.ts';
import { SerialQueue } from '../wal/serial-queue.ts';
import { describeHolder } from './describe-lease.ts';
import {
  durationOf,
  type FreeReason,
  type Instance,
  type Judgement,
  judgeLease,
  type Moment,
  type Observation,
  observe,
} from './judge-lease.ts';
import type { LeaseRecord, TakeoverPoint } from './lease-record.ts';
import { acquired, claimed, freed, renewed, requested, type Takeover, withoutRequest, written } from './next-lease.ts';
import { type Seen, SharedRecord } from './shared-record.ts';

export interface LeaseEvents {
  /** Held, for the first time or again. */
  acquired(record: LeaseRecord, why: FreeReason): void;
  /** It could not be renewed; it is tried again. */
  renewalFailed(error: StationError): void;
  /** Another instance asks for it. Told at every renewal for as long as the request stands. */
  requested(by: string): void;
  /** Another instance has it, for good. */
  lost(error: StationError): void;
}

export interface LeaseOptions {
  readonly object: ConditionalObject;
  /** For messages. */
  readonly url: string;
  readonly me: Instance;
  readonly duration: Milliseconds;
  /** Its replica is the first of the config: a living holder there is the one who goes on. */
  readonly decides: boolean;
  readonly clock: () => Moment;
  readonly newNonce: () => string;
  readonly events: LeaseEvents;
}

/** Whether an upload may start. `anew`: the lease was not held before, so what the replica holds is to be asked again. */
export type Admission = 'held' | 'anew';

interface Held {
  readonly record: LeaseRecord;
  readonly version: ObjectVersion;
  /** When the request that got or renewed it was begun: from here its duration counts. */
  readonly from: Moment;
}

/** So often in a row somebody else may get in between before a renewal is put off. */
const ATTEMPTS = 5;

/**
 * One replica's lease, as one process sees it. Whatever fails here, the child goes on: only another holder ends it.
 *
 * Invariant: `admit` lets an upload start only while no other instance can hold the lease by the rules that all keep to:
 * within the duration of the last write of ours that succeeded, counted from before that write, by the monotonic clock
 * and by the wall clock both (a machine that slept stopped the one).
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #queue = new SerialQueue();
  readonly #shared: SharedRecord;
  #seen: Seen | undefined;
  #observation: Observation | undefined;
  #firstMark: string | undefined;
  #held: Held | undefined;
  #lost: StationError | undefined;
  /** Of writes whose outcome is not known, and the last one that took effect. */
  #nonces = new Set<string>();
  #takeover: Takeover | undefined;
  #hasAsked = false;
  #isWriter = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#shared = new SharedRecord(options.object, options.url);
  }

  get url(): string {
    return this.#options.url;
  }

  get isHeld(): boolean {
    return this.#held !== undefined && this.#lost === undefined;
  }

  /** What was read last, or written. */
  get record(): LeaseRecord | undefined {
    return this.#held?.record ?? this.#seen?.record;
  }

  /** Whether what the replica holds was written last by an instance with another disk, as far as is known. */
  get isAfterAnother(): boolean {
    const writer = this.#held?.record.station?.writer;
    return !this.#isWriter && writer !== undefined && writer !== '' && writer !== this.#options.me.disk;
  }

  /** Whether its replica is the first of the config. */
  get decides(): boolean {
    return this.#options.decides;
  }

  /** Whether another holder was seen to write between two looks: it is alive. */
  get holderWrites(): boolean {
    return this.#firstMark !== undefined && this.#firstMark !== this.#observation?.mark;
  }

  /** The last sync has begun: no request may take long any more, least of all one that hangs already. */
  hurry(): void {
    this.#shared.hurry();
  }

  /** Reads it. @throws StationError STORAGE_*, LEASE_INVALID; the signal's reason on abort */
  async look(signal: AbortSignal): Promise<Judgement> {
    return await this.#queue.run(async () => {
      this.#note(await this.#shared.read(signal));
      return this.#judge();
    });
  }

  /**
   * Takes what was seen to be free. False: somebody else was faster.
   * @throws StationError STORAGE_*; the signal's reason on abort
   */
  async take(signal: AbortSignal): Promise<boolean> {
    return await this.#queue.run(() => this.#take(signal));
  }

  /** Asks the holder that was seen to hand over; it reads the request when its next renewal fails. */
  async request(signal: AbortSignal): Promise<void> {
    await this.#queue.run(async () => {
      const { me, clock } = this.#options;
      const seen = this.#seen;
      if (seen?.record === undefined) return;
      const by = { instance: me.place ?? me.disk, owner: me.owner, since: clock().wall };
      const record = requested(seen.record, by);
      if (record === undefined) return;
      this.#hasAsked = true;
      const outcome = await this.#shared.write(record, seen.version, signal);
      if (outcome.kind === 'conflict') this.#note(outcome.found);
      else this.#seen = { record, version: outcome.version };
    });
  }

  /** Takes its request back: the holder would stop for nobody. */
  async #withdraw(signal: AbortSignal): Promise<void> {
    const { me } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { record, version } = await this.#shared.read(signal);
      const request = record?.station?.request;
      if (record === undefined || request?.owner !== me.owner || request.instance !== (me.place ?? me.disk)) return;
      const outcome = await this.#shared.write(withoutRequest(record), version, signal);
      if (outcome.kind === 'written') return;
    }
  }

  /**
   * To be awaited before every upload. Renews a lease that has lapsed (a store that was down, a process that was
   * stopped), and takes one that was out of reach so far.
   * @throws StationError LEASE_LOST; LEASE_HELD where another instance may be about to end; STORAGE_*
   */
  async admit(signal: AbortSignal): Promise<Admission> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#isValid()) return 'held';
    return await this.#queue.run(async () => {
      if (this.#lost !== undefined) throw this.#lost;
      if (this.#isValid()) return 'held';
      if (this.#held === undefined) return await this.#takeLate(signal);
      await this.#renew(signal);
      this.#schedule();
      return 'held';
    });
  }

  /**
   * Tells the name that is about to be claimed, so that it stays taken for a day whatever becomes of this process.
   * @throws StationError LEASE_LOST, STORAGE_*: it must not be claimed then
   */
  async announceTakeover(point: TakeoverPoint, signal: AbortSignal): Promise<void> {
    this.#takeover = { ...point, isClaimed: false };
    await this.#queue.run(async () => {
      if (this.#lost !== undefined) throw this.#lost;
      if (this.#held !== undefined) await this.#renew(signal);
    });
  }

  /** What this disk holds continues what the replica holds. It is told with the next renewal. */
  noteWriter(): void {
    if (this.#held !== undefined) this.#isWriter = true;
  }

  /** The name is ours. It is told with the next renewal: until then a crash has it claimed once more. */
  noteClaimed(): void {
    if (this.#takeover !== undefined) this.#takeover = { ...this.#takeover, isClaimed: true };
  }

  /**
   * Gives it back, where it is held, and takes back the request for it, where it is not. Nothing follows it.
   * @param state `left` where an upload was broken off and may still arrive
   * @throws StationError STORAGE_*; the signal's reason on abort: then it expires by itself
   */
  async release(state: 'released' | 'left', signal: AbortSignal): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#queue.run(async () => {
      const held = this.#held;
      if (this.#lost !== undefined) return;
      if (held === undefined) return this.#hasAsked ? await this.#withdraw(signal) : undefined;
      this.#held = undefined;
      const record = this.#takeover?.isClaimed === true ? claimed(held.record) : held.record;
      await this.#free({ ...held, record: this.#asWriter(record) }, state, signal);
    });
  }

  async #free(held: Held, state: 'released' | 'left', signal: AbortSignal): Promise<void> {
    let { record, version }: { record: LeaseRecord; version: ObjectVersion | undefined } = held;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { me, clock } = this.#options;
      const outcome = await this.#shared.write(freed(record, state, me, clock().wall, this.#nonce()), version, signal);
      if (outcome.kind === 'written' || !this.#isMine(outcome.found.record)) return;
      ({ record, version } = outcome.found as { record: LeaseRecord; version: ObjectVersion });
    }
  }

  #asWriter(record: LeaseRecord): LeaseRecord {
    return this.#isWriter ? written(record, this.#options.me.disk) : record;
  }

  #judge(): Judgement {
    const { me, clock } = this.#options;
    return judgeLease(this.#seen?.record, me, this.#observation, clock());
  }

  #note(seen: Seen): void {
    this.#seen = seen;
    this.#observation = observe(this.#observation, seen.record, this.#options.clock().monotonic);
    this.#firstMark ??= this.#observation?.mark;
  }

  async #take(signal: AbortSignal): Promise<boolean> {
    const { me, duration, clock, events } = this.#options;
    const judged = this.#judge();
    if (judged.kind === 'held') return false;
    const from = clock();
    const record = acquired(this.#seen?.record, judged.why, me, duration, from.wall, this.#nonce());
    const outcome = await this.#shared.write(record, this.#seen?.version, signal);
    if (outcome.kind === 'conflict') {
      this.#note(outcome.found);
      return false;
    }
    this.#hold(record, outcome.version, from);
    events.acquired(record, judged.why);
    return true;
  }

  /** A replica that was out of reach at the start: the child runs, so there is time to see whether its holder lives. */
  async #takeLate(signal: AbortSignal): Promise<Admission> {
    this.#note(await this.#shared.read(signal));
    const judged = this.#judge();
    if (judged.kind === 'free') {
      if (await this.#take(signal)) return 'anew';
      throw new StationError('LEASE_HELD', `${this.#options.url}: another instance took it at the same moment`);
    }
    const { by } = judged;
    const holder = describeHolder(by, this.#options.clock().wall);
    if (this.#options.decides && this.holderWrites) {
      throw this.#lose(new StationError('LEASE_LOST', `${this.#options.url}: it is replicated to by ${holder}`));
    }
    throw new StationError('LEASE_HELD', `${this.#options.url}: the lease is still that of ${holder}`);
  }

  /** @throws StationError LEASE_LOST, and what the store throws */
  async #renew(signal: AbortSignal): Promise<void> {
    const { clock, events, url } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const held = this.#held;
      if (held === undefined) throw new StationError('INTERNAL', `${url}: renewed without being held`);
      const from = clock();
      const record = renewed(this.#asWriter(held.record), from.wall, this.#nonce(), this.#takeover);
      const outcome = await this.#shared.write(record, held.version, signal);
      if (outcome.kind === 'written') {
        this.#hold(record, outcome.version, from);
        return;
      }
      const { found } = outcome;
      if (found.record === undefined) await this.#recreate(record, from, signal);
      else if (this.#isMine(found.record) && found.version !== undefined) {
        this.#held = { record: found.record, version: found.version, from: held.from };
        const request = found.record.station?.request;
        if (request !== undefined) events.requested(request.owner);
      } else throw this.#lose(lostTo(found.record, url, clock().wall));
      if (this.#isValid() && this.#held?.record === record) return;
    }
    throw new StationError('STORAGE_UNREACHABLE', `${url}: others write to it at every renewal`);
  }

  /** Somebody deleted it. Nobody else has it, if it can be created. */
  async #recreate(record: LeaseRecord, from: Moment, signal: AbortSignal): Promise<void> {
    const outcome = await this.#shared.write(record, undefined, signal);
    if (outcome.kind === 'written') this.#hold(record, outcome.version, from);
    else if (!this.#isMine(outcome.found.record)) {
      throw this.#lose(lostTo(outcome.found.record, this.#options.url, this.#options.clock().wall));
    }
  }

  #hold(record: LeaseRecord, version: ObjectVersion, from: Moment): void {
    this.#held = { record, version, from };
    this.#seen = { record, version };
    this.#nonces = new Set(record.station === undefined ? [] : [record.station.nonce]);
    this.#schedule();
  }

  #nonce(): string {
    const nonce = this.#options.newNonce();
    this.#nonces.add(nonce);
    return nonce;
  }

  /** Our own last write, or one before it whose answer was lost; perhaps with a request that somebody added. */
  #isMine(record: LeaseRecord | undefined): boolean {
    return record?.station?.state === 'held' && this.#nonces.has(record.station.nonce);
  }

  #isValid(): boolean {
    if (this.#held === undefined) return false;
    const { from, record } = this.#held;
    const now = this.#options.clock();
    const duration = durationOf(record);
    const passed = Math.max(now.monotonic - from.monotonic, now.wall - from.wall);
    return passed < duration;
  }

  #lose(error: StationError): StationError {
    this.#lost = error;
    clearTimeout(this.#timer);
    this.#options.events.lost(error);
    return error;
  }

  /** The next renewal: a third of the duration after the last one, or a while after one that failed. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#lost !== undefined) return;
    this.#timer = setTimeout(() => void this.#onTimer(), renewalInterval(this.#options.duration));
    this.#timer.unref();
  }

  async #onTimer(): Promise<void> {
    await this.#queue.run(async () => {
      if (this.#closed || this.#lost !== undefined || this.#held === undefined) return;
      try {
        await this.#renew(new AbortController().signal);
      } catch (error) {
        if (isStationError(error, 'LEASE_LOST')) return;
        this.#options.events.renewalFailed(toError(error, this.#options.url));
      }
      this.#schedule();
    });
  }
}

/** A third: two renewals may fail before it lapses. */
function renewalInterval(duration: Milliseconds): Milliseconds {
  return milliseconds(Math.floor(duration / 3));
}

function toError(error: unknown, url: string): StationError {
  if (isStationError(error)) return error;
  return new StationError('INTERNAL', `${url}: ${String(error)}`, { cause: error });
}

function lostTo(record: LeaseRecord | undefined, url: string, now: Milliseconds): StationError {
  if (record === undefined) return new StationError('LEASE_LOST', `${url}: the lease is gone`);
  if (record.station?.state === 'broken') {
    return new StationError('LEASE_LOST', `${url}: the lease was broken by a person`);
  }
  return new StationError('LEASE_LOST', `${url}: the lease was taken over by ${describeHolder(record, now)}`);
}
