import { StationError } from '../../src/errors.ts';
import type { Instance, Moment } from '../../src/lease/judge-lease.ts';
import { Lease, type LeaseEvents } from '../../src/lease/lease.ts';
import { type LeaseRecord, parseLease } from '../../src/lease/lease-record.ts';
import { type Milliseconds, milliseconds } from '../../src/quantities.ts';
import type { ConditionalObject, ObjectVersion } from '../../src/storage/object-store.ts';

/** What a request comes to: `lost` takes effect and then fails as if the answer never came. */
export type Fate = 'answered' | 'lost' | 'unreachable' | 'denied';

/** One object in memory that several instances share. */
export class SharedObject implements ConditionalObject {
  #state: { readonly bytes: Uint8Array; readonly number: number } | undefined;
  #writes = 0;
  reads = 0;
  writes = 0;
  fate: (operation: 'read' | 'write') => Fate = () => 'answered';

  async read() {
    this.reads += 1;
    this.#meet(this.fate('read'));
    return this.#state && { bytes: this.#state.bytes, version: String(this.#state.number) as ObjectVersion };
  }

  async write(bytes: Uint8Array, expected: ObjectVersion | undefined, _signal?: AbortSignal): Promise<ObjectVersion> {
    this.writes += 1;
    const fate = this.fate('write');
    if (fate !== 'lost') this.#meet(fate);
    const current = this.#state === undefined ? undefined : String(this.#state.number);
    if (current !== expected) throw new StationError('STORAGE_ALREADY_EXISTS', 'PreconditionFailed');
    this.put(bytes);
    if (fate === 'lost') this.#meet('unreachable');
    return String(this.#writes) as ObjectVersion;
  }

  /** As somebody would who compares nothing; undefined deletes. */
  put(bytes: Uint8Array | undefined): void {
    this.#writes += 1;
    this.#state = bytes && { bytes, number: this.#writes };
  }

  get record(): LeaseRecord | undefined {
    return this.#state && parseLease(this.#state.bytes, 'memory');
  }

  #meet(fate: Fate): void {
    if (fate === 'unreachable' || fate === 'lost') throw new StationError('STORAGE_UNREACHABLE', 'ECONNRESET');
    if (fate === 'denied') throw new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied');
  }
}

/** Clocks that stand until they are moved. */
export class StillClock {
  wall = 1_700_000_000_000;
  monotonic = 0;
  readonly now = (): Moment => ({ wall: milliseconds(this.wall), monotonic: milliseconds(this.monotonic) });

  pass(time: number): void {
    this.wall += time;
    this.monotonic += time;
  }
}

export const DURATION = milliseconds(30_000);
export const never = new AbortController().signal;

let nonces = 0;

export interface TestedLease {
  readonly lease: Lease;
  readonly me: Instance;
  readonly told: readonly string[];
}

export function leaseOf(
  name: string,
  object: ConditionalObject,
  clock: StillClock,
  more: { readonly service?: string; readonly decides?: boolean; readonly duration?: Milliseconds } = {},
): TestedLease {
  const told: string[] = [];
  const me: Instance = {
    disk: `disk of ${name}`,
    place: undefined,
    owner: name,
    service: more.service === undefined ? undefined : { platform: 'docker', name: more.service },
  };
  const events: LeaseEvents = {
    acquired: (_, why) => told.push(`acquired, ${why}`),
    renewalFailed: (error) => told.push(`renewal failed: ${error.code}`),
    requested: (by) => told.push(`requested by ${by}`),
    vanished: () => told.push('vanished'),
    lost: (error) => told.push(error.code),
  };
  const lease = new Lease({
    object,
    url: 'memory://lock.json',
    me,
    duration: more.duration ?? DURATION,
    decides: more.decides ?? true,
    clock: clock.now,
    newNonce: () => {
      nonces += 1;
      return `nonce ${nonces}`;
    },
    events,
  });
  return { lease, me, told };
}
