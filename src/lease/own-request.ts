import type { Instance, Moment } from './judge-lease.ts';
import { requested, withoutRequest } from './next-lease.ts';
import type { SeenLease } from './seen-lease.ts';
import type { SharedRecord } from './shared-record.ts';

/** So often in a row somebody else may get in between before a request is left to stand. */
const ATTEMPTS = 5;

/** Our request for a lease that is in another's hands. */
export class OwnRequest {
  readonly #shared: SharedRecord;
  readonly #me: Instance;
  #isMade = false;

  constructor(shared: SharedRecord, me: Instance) {
    this.#shared = shared;
    this.#me = me;
  }

  /** Writes it into the lease as it was seen, unless one stands there. @throws what the store throws */
  async make(seen: SeenLease, clock: () => Moment, signal: AbortSignal): Promise<void> {
    if (seen.record === undefined) return;
    const record = requested(seen.record, { instance: this.#instance, owner: this.#me.owner, since: clock().wall });
    if (record === undefined) return;
    this.#isMade = true;
    const outcome = await this.#shared.write(record, seen.version, signal);
    if (outcome.kind === 'conflict') seen.note(outcome.found, clock().monotonic);
    else seen.noteOwn(record, outcome.version);
  }

  /** Takes it back: the holder would stop for nobody. @throws what the store throws */
  async withdraw(signal: AbortSignal): Promise<void> {
    if (!this.#isMade) return;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { record, version } = await this.#shared.read(signal);
      const request = record?.station?.request;
      if (record === undefined || request?.owner !== this.#me.owner || request.instance !== this.#instance) return;
      const outcome = await this.#shared.write(withoutRequest(record), version, signal);
      if (outcome.kind === 'written') return;
    }
  }

  get #instance(): string {
    return this.#me.place ?? this.#me.disk;
  }
}
