import type { Milliseconds } from '../quantities.ts';
import type { ObjectVersion } from '../storage/object-store.ts';
import { type Instance, type Judgement, judgeLease, type Moment, type Observation, observe } from './judge-lease.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { Seen } from './shared-record.ts';

/** A lease as it was seen from here: what was read of it last, and whether its holder writes. */
export class SeenLease {
  #last: Seen = { record: undefined, version: undefined };
  #observation: Observation | undefined;
  #firstMark: string | undefined;

  get record(): LeaseRecord | undefined {
    return this.#last.record;
  }

  /** What a write is to replace. */
  get version(): ObjectVersion | undefined {
    return this.#last.version;
  }

  /** Whether a holder was seen to write between two looks: it is alive. */
  get holderWrites(): boolean {
    return this.#firstMark !== undefined && this.#firstMark !== this.#observation?.mark;
  }

  /** It was read just now. */
  note(seen: Seen, monotonic: Milliseconds): void {
    this.#last = seen;
    this.#observation = observe(this.#observation, seen.record, monotonic);
    this.#firstMark ??= this.#observation?.mark;
  }

  /** It was written from here: of its holder that tells nothing. */
  noteOwn(record: LeaseRecord, version: ObjectVersion): void {
    this.#last = { record, version };
  }

  judge(me: Instance, now: Moment): Judgement {
    return judgeLease(this.#last.record, me, this.#observation, now);
  }
}
