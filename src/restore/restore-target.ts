import type { StationError } from '../errors.ts';
import type { Milliseconds, Txid } from '../quantities.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Which state is wanted. A timestamp means the last state captured at or before it. */
export type RestoreTarget =
  | { readonly kind: 'newest' }
  | { readonly kind: 'txid'; readonly txid: Txid }
  | { readonly kind: 'timestamp'; readonly timestamp: Milliseconds }
  /** Of Litestream 0.3 backups alone: of this generation, up to this WAL file, written by this time; undefined: any. */
  | {
      readonly kind: 'litestream-0.3';
      readonly generation: string | undefined;
      readonly index: number | undefined;
      readonly timestamp: Milliseconds | undefined;
    };

/** A place to restore from. */
export interface NamedReplica {
  readonly name: string;
  readonly store: ObjectStore;
  /** It was found out of reach already, and is not asked: that is its answer. */
  readonly unreachable?: StationError | undefined;
}
