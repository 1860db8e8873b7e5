import { type Bytes, bytes, type Milliseconds, milliseconds } from '../../quantities.ts';
import type { S3Provider } from './providers.ts';

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
  /** Undefined: recognized by the endpoint's host. */
  readonly provider: S3Provider | undefined;
  /** False: conditions are sent whatever the table of providers says, and what the store makes of them is what counts. */
  readonly emulateCreateOnly: boolean;
  /**
   * Called once, as soon as it is known that the store cannot stop a second writer, with the reason. Where this is
   * given and the provider is not a known one, it is found out by the first small create-only put, sent a second time.
   */
  readonly unableToFence: ((why: string) => void) | undefined;
}

export const defaultS3StoreSettings: S3StoreSettings = {
  connectTimeout: milliseconds(5_000),
  idleTimeout: milliseconds(20_000),
  attempts: 3,
  partSize: bytes(8 * 1024 * 1024),
  concurrency: 2,
  provider: undefined,
  emulateCreateOnly: true,
  unableToFence: undefined,
};
