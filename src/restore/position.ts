import { isStationError, StationError } from '../errors.ts';
import { decodeHeader, HEADER_SIZE, type LtxHeader } from '../ltx/header.ts';
import type { Txid } from '../quantities.ts';
import { keysMissing } from '../storage/age/encrypted-errors.ts';
import { startsAgeFile } from '../storage/age/format.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { LtxPosition } from './answer.ts';
import { fetchRange } from './fetch-range.ts';
import type { Inventory, ReplicaFile } from './inventory.ts';
import type { ExcludedKeys, RestorePlan } from './plan.ts';

const CHECKSUM_SIZE = 8;

/** The state a TXID stands for, as a file that ends there tells, and the files that were found damaged on the way. */
export interface PointReading {
  readonly header: LtxHeader | undefined;
  readonly file: ReplicaFile | undefined;
  readonly damaged: readonly (readonly [key: string, reason: string])[];
}

/**
 * Reads the header of a file that ends at `point`: of the lowest level, whose time is that of the commits themselves
 * (a snapshot carries the time at which it was made). Where that one is damaged, of the next.
 * @throws what `store.get` throws
 */
export async function readPoint(
  store: ObjectStore,
  inventory: Inventory,
  point: Txid,
  excluding: ExcludedKeys,
  signal: AbortSignal,
): Promise<PointReading> {
  const damaged: [string, string][] = [];
  for (const file of inventory.files) {
    if (file.maxTxid !== point || excluding.has(file.key)) continue;
    try {
      return { header: await readHeader(store, file, signal), file, damaged };
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.push([file.key, error.message]);
    }
  }
  return { header: undefined, file: undefined, damaged };
}

/**
 * The header of a file, held against its name.
 * @throws StationError LTX_INVALID or LTX_TRUNCATED naming the object, STORAGE_DENIED for an encrypted one, or what
 *   `store.get` throws
 */
export async function readHeader(store: ObjectStore, file: ReplicaFile, signal: AbortSignal): Promise<LtxHeader> {
  const start = await fetchRange(store, file.key, { start: 0, end: HEADER_SIZE }, signal);
  if (start.byteLength < HEADER_SIZE) {
    throw new StationError('LTX_TRUNCATED', `${store.url}/${file.key} has only ${start.byteLength} bytes`);
  }
  // Never as damage: what lacks a key must not be passed over, nor written beside in the clear.
  if (startsAgeFile(start)) throw keysMissing(`${store.url}/${file.key}`);
  const header = named(store, file, () => decodeHeader(start));
  if (header.minTxid !== file.minTxid || header.maxTxid !== file.maxTxid) {
    throw new StationError(
      'LTX_INVALID',
      `${store.url}/${file.key} holds TXIDs ${header.minTxid} to ${header.maxTxid}, not those of its name`,
    );
  }
  return header;
}

export async function readPosition(
  store: ObjectStore,
  plan: RestorePlan,
  point: { readonly header: LtxHeader; readonly file: ReplicaFile },
  signal: AbortSignal,
): Promise<LtxPosition> {
  const { header, file } = point;
  const end = file.size;
  const tail = Buffer.from(await fetchRange(store, file.key, { start: end - CHECKSUM_SIZE, end }, signal));
  if (tail.byteLength < CHECKSUM_SIZE) {
    throw new StationError('LTX_TRUNCATED', `${store.url}/${file.key} is shorter than listed`);
  }
  return {
    txid: header.maxTxid,
    timestamp: header.timestamp,
    pageSize: header.pageSize,
    commit: header.commit,
    level: file.level,
    fileChecksum: tail.readBigUInt64BE(),
    unreachable: plan.unreachable,
  };
}

/** True for an error that says the object is not what it should be, whoever answered. */
export function isDamage(error: unknown): error is StationError {
  return isStationError(error, 'LTX_INVALID', 'LTX_TRUNCATED', 'LTX_CHECKSUM', 'LTX_NOT_CONTIGUOUS', 'LEGACY_DAMAGED');
}

/** Runs a decoder's step; an error about the format then names the object it is about. */
export function named<T>(store: ObjectStore, file: ReplicaFile, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw new StationError(error.code, `${store.url}/${file.key}: ${error.message}`, { cause: error });
  }
}
