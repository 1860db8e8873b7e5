import { type Bytes, bytes, type Milliseconds, milliseconds } from '../../quantities.ts';

/** How long we wait for Google Cloud Storage, and how much is in memory at a time. */
export interface GcsStoreSettings {
  readonly connectTimeout: Milliseconds;
  /** Nothing arrives and nothing leaves for this long: the connection is given up. */
  readonly idleTimeout: Milliseconds;
  /** Attempts within one operation; the caller backs off between operations. */
  readonly attempts: number;
  /** Up to this size an object is put by one request, beyond it in chunks of this size. A multiple of 256 KiB, as GCS wants it. */
  readonly chunkSize: Bytes;
}

export const defaultGcsStoreSettings: GcsStoreSettings = {
  connectTimeout: milliseconds(5_000),
  idleTimeout: milliseconds(20_000),
  attempts: 3,
  chunkSize: bytes(8 * 1024 * 1024),
};
