import { isStationError, StationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { ConditionalObject } from '../storage/object-store.ts';
import { SerialQueue } from '../wal/serial-queue.ts';
import { describeHolder } from './describe-lease.ts';
import { HeldLease } from './held-lease.ts';
import type { FreeReason, Instance, Judgement, Moment } from './judge-lease.ts';
import type { LeaseRecord, TakeoverPoint } from './lease-record.ts';
import { acquired, type Takeover } from './next-lease.ts';
import { OwnRequest } from './own-request.ts';
import { SeenLease } from './seen-lease.ts';
import { SharedRecord } from './shared-record.ts';

export interface LeaseEvents {
  /** Held, for the first time or again. */
  acquired(record: LeaseRecord, why: FreeReason): void;
  /** It could not be renewed; it is tried again. */
  renewalFailed(error: StationError): void;
  /** Another instance asks for it. Told at every renewal for as long as the request stands. */
  requested(by: string): void;
  /** Somebody had deleted it, and perhaps all of the replica with it; it is made anew. */
  vanished(): void;
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
  readonly #seen = new SeenLease();
  readonly #request: OwnRequest;
  #held: HeldLease | undefined;
  #lost: StationError | undefined;
  #takeover: Takeover | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#shared = new SharedRecord(options.object, options.url);
    this.#request = new OwnRequest(this.#shared, options.me);
  }

  get url(): string {
    return this.#options.url;
  }

  get isHeld(): boolean {
    return this.#held !== undefined && this.#lost === undefined;
  }

  /** What was read last, or written. */
  get record(): LeaseRecord | undefined {
    return this.#held?.record ?? this.#seen.record;
  }

  /** Whether what the replica holds was written last by an instance with another disk, as far as is known. */
  get isAfterAnother(): boolean {
    return this.#held?.isAfterAnother ?? false;
  }

  /** Whether its replica is the first of the config. */
  get decides(): boolean {
    return this.#options.decides;
  }

  /** Whether another holder was seen to write between two looks: it is alive. */
  get holderWrites(): boolean {
    return this.#seen.holderWrites;
  }

  /** The last sync has begun: no request may take long any more, least of all one that hangs already. */
  hurry(): void {
    this.#shared.hurry();
  }

  /** Reads it. @throws StationError STORAGE_*, LEASE_INVALID; the signal's reason on abort */
  async look(signal: AbortSignal): Promise<Judgement> {
    return await this.#queue.run(async () => {
      await this.#read(signal);
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
    await this.#queue.run(() => this.#request.make(this.#seen, this.#options.clock, signal));
  }

  /**
   * To be awaited before every upload. Renews a lease that has lapsed (a store that was down, a process that was
   * stopped), and takes one that was out of reach so far.
   * @throws StationError LEASE_LOST; LEASE_HELD where another instance may be about to end; STORAGE_*
   */
  async admit(signal: AbortSignal): Promise<Admission> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#held?.isValid) return 'held';
    return await this.#queue.run(async () => {
      if (this.#lost !== undefined) throw this.#lost;
      if (this.#held === undefined) return await this.#takeLate(signal);
      if (!this.#held.isValid) await this.#renew(this.#held, signal);
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
      if (this.#held !== undefined) await this.#renew(this.#held, signal);
    });
  }

  /** What this disk holds continues what the replica holds. It is told with the next renewal. */
  noteWriter(): void {
    this.#held?.noteWriter();
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
      if (held === undefined) return await this.#request.withdraw(signal);
      this.#held = undefined;
      await held.free(state, this.#takeover, signal);
    });
  }

  async #read(signal: AbortSignal): Promise<void> {
    this.#seen.note(await this.#shared.read(signal), this.#options.clock().monotonic);
  }

  #judge(): Judgement {
    return this.#seen.judge(this.#options.me, this.#options.clock());
  }

  async #take(signal: AbortSignal): Promise<boolean> {
    const { url, me, duration, clock, newNonce, events } = this.#options;
    const judged = this.#judge();
    if (judged.kind === 'held') return false;
    const from = clock();
    const record = acquired(this.#seen.record, judged.why, me, duration, from.wall, newNonce());
    const outcome = await this.#shared.write(record, this.#seen.version, signal);
    if (outcome.kind === 'conflict') {
      this.#seen.note(outcome.found, clock().monotonic);
      return false;
    }
    this.#seen.noteOwn(record, outcome.version);
    const around = {
      shared: this.#shared,
      url,
      me,
      clock,
      newNonce,
      requested: (by: string) => events.requested(by),
      vanished: () => events.vanished(),
    };
    this.#held = new HeldLease(around, record, outcome.version, from);
    this.#schedule();
    events.acquired(record, judged.why);
    return true;
  }

  /** A replica that was out of reach at the start: the child runs, so there is time to see whether its holder lives. */
  async #takeLate(signal: AbortSignal): Promise<Admission> {
    await this.#read(signal);
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
  async #renew(held: HeldLease, signal: AbortSignal): Promise<void> {
    try {
      await held.renew(this.#takeover, signal);
    } catch (error) {
      if (isStationError(error, 'LEASE_LOST')) this.#lose(error);
      throw error;
    }
    this.#seen.noteOwn(held.record, held.version);
    this.#schedule();
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
        await this.#renew(this.#held, new AbortController().signal);
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
