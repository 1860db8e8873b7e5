import { type Bytes, bytes, type Milliseconds, milliseconds } from '../quantities.ts';

/** How long we wait for a store, and how much is in memory at a time. */
export interface S3StoreSettings {
  readonly connectTimeout: Milliseconds;
  /** Nothing arrives and nothing leaves for this long: the connection is given up. */
  readonly idleTimeout: Milliseconds;
  /** Attempts within one operation; the caller backs off between operations. */
  readonly attempts: number;
  readonly partSize: Bytes;
  /** Parts of one upload under way at a time; memory of an upload is this times the part size. */
  readonly concurrency: number;
}

export const defaultS3StoreSettings: S3StoreSettings = {
  connectTimeout: milliseconds(5_000),
  idleTimeout: milliseconds(20_000),
  attempts: 3,
  partSize: bytes(8 * 1024 * 1024),
  concurrency: 2,
};
