import { bytes, milliseconds } from '../../src/quantities.ts';
import { bodyFromBytes } from '../../src/storage/object-body.ts';
import type { StoreSettings } from '../../src/storage/open-store.ts';

export const createOnly = { createOnly: true } as const;
export const text = (content: string) => bodyFromBytes(Buffer.from(content));
export const PART = 64 * 1024;
/** The smallest chunk there is on Google Cloud Storage. */
export const CHUNK = 256 * 1024;

/** Where the server never answers: a busy machine must not be taken for one. */
export const hasty: StoreSettings = { connectTimeout: milliseconds(500), idleTimeout: milliseconds(500) };

/** For a store that wastes no time on waiting, and cuts small things in pieces. */
export const impatient: StoreSettings = {
  connectTimeout: milliseconds(5_000),
  idleTimeout: milliseconds(5_000),
  attempts: 2,
  partSize: bytes(PART),
  chunkSize: bytes(CHUNK),
};
