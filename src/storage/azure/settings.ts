import { type Bytes, bytes, type Milliseconds, milliseconds } from '../../quantities.ts';

/** How long we wait for Azure, and how much is in memory at a time. */
export interface AzureStoreSettings {
  readonly connectTimeout: Milliseconds;
  /** Nothing arrives and nothing leaves for this long: the connection is given up. */
  readonly idleTimeout: Milliseconds;
  /** Attempts within one operation; the caller backs off between operations. */
  readonly attempts: number;
  /** Larger bodies go up in blocks of this size. */
  readonly partSize: Bytes;
  /** Blocks of one upload under way at a time; memory of an upload is this times the block size. */
  readonly concurrency: number;
}

export const defaultAzureStoreSettings: AzureStoreSettings = {
  connectTimeout: milliseconds(5_000),
  idleTimeout: milliseconds(20_000),
  attempts: 3,
  partSize: bytes(8 * 1024 * 1024),
  concurrency: 2,
};
