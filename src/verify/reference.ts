import type { Txid } from '../quantities.ts';

/** A state to compare a restored database with. */
export interface Reference {
  readonly txid: Txid;
  /** File of the live database's page checksums. */
  readonly digests: string;
  /**
   * `proven`: the live database was at that TXID when its pages were read. Otherwise nothing replicates it, so it may have
   * been written to since; then what was captured tells, if its page checksums are known.
   */
  readonly certainty: 'proven' | { readonly captured: string | undefined };
}

export type ReferenceResult =
  | { readonly kind: 'reference'; readonly reference: Reference }
  | { readonly kind: 'none'; readonly why: string };
