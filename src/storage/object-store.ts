import type { Bytes, Milliseconds } from '../quantities.ts';

export interface ObjectInfo {
  /** Key relative to the replica's root path. */
  readonly key: string;
  readonly size: Bytes;
  /** The store's own time of the object: LastModified, or the file's mtime. */
  readonly lastModified: Milliseconds;
}

/** Bytes that can be read more than once, so that an upload can be tried again. */
export interface ObjectBody {
  readonly size: Bytes;
  /** The bytes from `start` (inclusive) to `end` (exclusive); all of them without a range. */
  open(range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
}

export interface PutOptions {
  /** Fails with STORAGE_ALREADY_EXISTS if the key is taken. Every LTX file is put this way (safety rule 3). */
  readonly createOnly: boolean;
  /** Header timestamp of the LTX file, stored where stock Litestream looks for it on this backend. */
  readonly timestamp?: Milliseconds;
  readonly signal?: AbortSignal;
}

/** A half-open range of bytes; without `end`, to the end of the object. */
export interface ReadRange {
  readonly start: number;
  readonly end?: number;
}

declare const versionBrand: unique symbol;

/** What a store calls one state of an object: ETag, generation, or our own number. Changes with every write. */
export type ObjectVersion = string & { readonly [versionBrand]: 'ObjectVersion' };

export interface VersionedObject {
  readonly bytes: Uint8Array;
  readonly version: ObjectVersion;
}

/**
 * One small object that several writers change by compare-and-swap, as a lease is. Errors are those of `ObjectStore`.
 *
 * The version of an object on S3 is its ETag, mostly a hash of the content: a state that comes back is taken for the
 * one that was there before. So every write must differ from all earlier ones, by a number or a time within.
 */
export interface ConditionalObject {
  /**
   * Undefined where there is none.
   * @throws StationError STORAGE_BROKEN also for an object that is larger than any of ours (64 KiB)
   */
  read(signal?: AbortSignal): Promise<VersionedObject | undefined>;
  /**
   * Replaces the state that was read as `expected`; undefined: creates the object.
   * @throws StationError STORAGE_ALREADY_EXISTS where the object is in another state. After a broken connection that
   * may be this very write, taken the first time: whoever must know reads it back and compares.
   */
  write(bytes: Uint8Array, expected: ObjectVersion | undefined, signal?: AbortSignal): Promise<ObjectVersion>;
}

/**
 * One replica's place in a folder or bucket. All keys are relative to its root path.
 *
 * Every method throws StationError with one of STORAGE_NOT_FOUND (also a bucket that does not exist),
 * STORAGE_ALREADY_EXISTS, STORAGE_DENIED, STORAGE_THROTTLED, STORAGE_UNREACHABLE, STORAGE_BROKEN;
 * the provider's own word is in the message, as in `AccessDenied: Access Denied`, the original in `cause`.
 * An abort rejects with the signal's reason.
 */
export interface ObjectStore {
  /** For messages: `s3://bucket/path`, `file:///folder`. No secrets. */
  readonly url: string;
  /** Which of the two key layouts stock Litestream uses on this backend. */
  readonly layout: 'folder' | 's3';
  put(key: string, body: ObjectBody, options: PutOptions): Promise<void>;
  get(key: string, options?: { readonly range?: ReadRange; readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
  /** In key order. A root that holds nothing gives nothing; a bucket or folder that cannot be asked throws. */
  list(
    prefix: string,
    options?: { readonly startAfter?: string; readonly signal?: AbortSignal },
  ): AsyncIterable<ObjectInfo>;
  delete(keys: readonly string[], signal?: AbortSignal): Promise<void>;
  /** The object at `key`, for compare-and-swap. Asks nothing by itself, and is never encrypted by us. */
  conditional(key: string): ConditionalObject;
  close(): Promise<void>;
  /**
   * Undoes the age encryption of an object that Litestream 0.3 wrote; absent where there are no keys. The store itself
   * gives such objects (below `generations/`) as they are stored. `name` is for messages.
   * @throws StationError STORAGE_DENIED where no key fits, LEGACY_DAMAGED
   */
  decryptLegacy?(sealed: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array>;
  /** Ends a limit on the speed of uploads (`max-upload-rate`), for good; absent where there is none. */
  liftUploadLimit?(): void;
}
