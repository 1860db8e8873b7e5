import { keysMissing } from '../../storage/age/encrypted-errors.ts';
import { startsAgeFile } from '../../storage/age/format.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { fetchRange } from '../fetch-range.ts';
import { ByteSource } from './byte-source.ts';
import { decompressFrames, probeFrame } from './decompress.ts';

const AGE_MARK_SIZE = 21;
const PIECE_SIZE = 64 * 1024;

/**
 * What an object of a 0.3 backup holds: decrypted where it begins as an age file does, which its name does not tell, and
 * decompressed where its name says so. Each piece is valid until the next is asked for.
 * @throws StationError LEGACY_DAMAGED, STORAGE_DENIED where a key is missing, and what `stored` throws
 */
export async function* openObject(
  store: ObjectStore,
  key: string,
  stored: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const name = `${store.url}/${key}`;
  const source = new ByteSource(stored);
  try {
    const start = Buffer.from(await source.take(AGE_MARK_SIZE));
    const isEncrypted = start.byteLength === AGE_MARK_SIZE && startsAgeFile(start);
    if (isEncrypted && store.decryptLegacy === undefined) throw keysMissing(name);
    const whole = allOf(start, source);
    const clear = isEncrypted && store.decryptLegacy !== undefined ? store.decryptLegacy(whole, name) : whole;
    if (key.endsWith('.lz4')) yield* decompressFrames(clear, name);
    else yield* clear;
  } finally {
    await source.close();
  }
}

/**
 * A look at the first bytes of an object, before anything is promised of it.
 * @throws StationError LEGACY_DAMAGED, STORAGE_DENIED where a key is missing, and what `store.get` throws
 */
export async function probeObject(
  store: ObjectStore,
  { key, size }: { readonly key: string; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  const name = `${store.url}/${key}`;
  const range = { start: 0, end: Math.min(size, AGE_MARK_SIZE) };
  const start = await fetchRange(store, key, range, signal);
  if (start.byteLength === AGE_MARK_SIZE && startsAgeFile(start)) {
    if (store.decryptLegacy === undefined) throw keysMissing(name);
  } else if (key.endsWith('.lz4')) await probeFrame(start, name);
}

async function* allOf(start: Uint8Array, source: ByteSource): AsyncGenerator<Uint8Array> {
  if (start.byteLength > 0) yield start;
  for (;;) {
    const piece = await source.take(PIECE_SIZE);
    if (piece.byteLength > 0) yield piece;
    if (piece.byteLength < PIECE_SIZE) return;
  }
}
