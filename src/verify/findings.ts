import type { StationError } from '../errors.ts';
import type { Bytes, Milliseconds, Txid } from '../quantities.ts';
import type { ReplicaPosition } from '../restore/answer.ts';

/** How thoroughly a replica is verified; each includes the ones before it. */
export type Effort = 'chain' | 'read' | 'restore';

/** An object that is not what it should be. */
export interface DamagedObject {
  /** Below the replica's root. */
  readonly key: string;
  readonly what: string;
}

/** Whether the restored database is the live one, page by page. */
export type Comparison =
  | { readonly kind: 'equal'; readonly txid: Txid }
  | { readonly kind: 'different'; readonly txid: Txid; readonly what: string }
  | { readonly kind: 'not-compared'; readonly why: string };

export interface ReplicaFindings {
  readonly replica: string;
  readonly url: string;
  readonly effort: Effort;
  readonly objects: number;
  readonly bytes: Bytes;
  /** The newest state that can be restored; undefined where there is none. */
  readonly newest: ReplicaPosition | undefined;
  readonly damaged: readonly DamagedObject[];
  /** What else is wrong: no sound copy, a store that does not answer, a restored database that is not sound. */
  readonly errors: readonly StationError[];
  readonly remarks: readonly string[];
  readonly restored: RestoredCopy | undefined;
  readonly comparison: Comparison | undefined;
  readonly elapsed: Milliseconds;
}

export interface RestoredCopy {
  readonly position: ReplicaPosition;
  readonly timestamp: Milliseconds;
  readonly size: Bytes;
  readonly integrity: 'ok' | 'deferred' | 'skipped';
}

export function isSound({ damaged, errors, comparison }: ReplicaFindings): boolean {
  return damaged.length === 0 && errors.length === 0 && comparison?.kind !== 'different';
}
