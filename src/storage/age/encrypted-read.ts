import { isStationError, StationError } from '../../errors.ts';
import type { ObjectStore } from '../object-store.ts';
import { damaged, noIdentityFits, prologueError } from './encrypted-errors.ts';
import { CHUNK_SIZE, PROLOGUE_SIZE, SEALED_CHUNK_SIZE, sealedChunkStart } from './format.ts';
import type { AgeCipher } from './header.ts';
import { openChunk } from './payload.ts';
import { inPieces } from './pieces.ts';

type GetOptions = NonNullable<Parameters<ObjectStore['get']>[1]>;

/** Keys of objects read lately: an object's end is often asked for soon after its beginning. */
const MOST_KEYS = 1_000;

/** Reads encrypted objects, whole or by range: a range costs the chunks it touches, and once the first 4 KiB. */
export class EncryptedReader {
  readonly #store: ObjectStore;
  readonly #cipher: AgeCipher;
  readonly #keys = new Map<string, Uint8Array>();

  constructor(store: ObjectStore, cipher: AgeCipher) {
    this.#store = store;
    this.#cipher = cipher;
  }

  /** The object may hold other bytes from now on. */
  forget(key: string): void {
    this.#keys.delete(key);
  }

  async *read(key: string, options: GetOptions): AsyncGenerator<Uint8Array> {
    const { range, signal } = options;
    signal?.throwIfAborted();
    if (range?.end !== undefined && range.end <= range.start) return;
    const first = Math.floor((range?.start ?? 0) / CHUNK_SIZE);
    if (first === 0) {
      const sealed = this.#pieces(key, 0, options);
      try {
        const prologue = await sealed.next();
        const chunkKey = await this.#unseal(key, prologue.done === true ? new Uint8Array() : prologue.value);
        yield* this.#decrypt(key, chunkKey, sealed, options);
      } finally {
        await sealed.return(undefined);
      }
      return;
    }
    const remembered = this.#keys.get(key);
    if (remembered === undefined) {
      yield* this.#readFrom(first, key, await this.#fetchKey(key, signal), options);
      return;
    }
    let given = false;
    try {
      for await (const content of this.#readFrom(first, key, remembered, options)) {
        given = true;
        yield content;
      }
    } catch (error) {
      if (given || !isStationError(error, 'LTX_CHECKSUM', 'STORAGE_BROKEN')) throw error;
      // Another may have written the object anew since its key was remembered.
      const chunkKey = await this.#fetchKey(key, signal);
      if (Buffer.compare(chunkKey, remembered) === 0) throw error;
      yield* this.#readFrom(first, key, chunkKey, options);
    }
  }

  async *#readFrom(first: number, key: string, chunkKey: Uint8Array, options: GetOptions): AsyncGenerator<Uint8Array> {
    const sealed = this.#pieces(key, first, options);
    try {
      yield* this.#decrypt(key, chunkKey, sealed, options);
    } finally {
      await sealed.return(undefined);
    }
  }

  /** From chunk `first` on, as stored; before chunk 0 also the prologue, as a piece of its own. */
  #pieces(key: string, first: number, { range, signal }: GetOptions): AsyncGenerator<Uint8Array> {
    const start = first === 0 ? 0 : sealedChunkStart(first);
    const end = range?.end === undefined ? {} : { end: sealedChunkStart(Math.ceil(range.end / CHUNK_SIZE)) };
    const source = this.#store.get(key, {
      ...(range !== undefined && { range: { start, ...end } }),
      ...(signal !== undefined && { signal }),
    });
    return inPieces(source, SEALED_CHUNK_SIZE, first === 0 ? PROLOGUE_SIZE : SEALED_CHUNK_SIZE);
  }

  async #fetchKey(key: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const range = { start: 0, end: PROLOGUE_SIZE };
    const parts = await Array.fromAsync(this.#store.get(key, { range, ...(signal !== undefined && { signal }) }));
    return await this.#unseal(key, Buffer.concat(parts));
  }

  async #unseal(key: string, prologue: Uint8Array): Promise<Uint8Array> {
    const name = this.#nameOf(key);
    const error = prologueError(name, prologue);
    if (error !== undefined) throw error;
    const chunkKey = await this.#cipher.unseal(prologue).catch((cause: unknown) => {
      throw damaged(name, 'LTX_CHECKSUM', 'has a damaged age header', cause);
    });
    if (chunkKey === undefined) throw noIdentityFits(name);
    this.#remember(key, chunkKey);
    return chunkKey;
  }

  #remember(key: string, chunkKey: Uint8Array): void {
    this.#keys.delete(key);
    this.#keys.set(key, chunkKey);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > MOST_KEYS && oldest !== undefined) this.#keys.delete(oldest);
  }

  /** The content of the range, from pieces that begin with the chunk it begins in. */
  async *#decrypt(
    key: string,
    chunkKey: Uint8Array,
    sealed: AsyncGenerator<Uint8Array>,
    { range, signal }: GetOptions,
  ): AsyncGenerator<Uint8Array> {
    const start = range?.start ?? 0;
    const end = range?.end ?? Number.POSITIVE_INFINITY;
    const name = this.#nameOf(key);
    let index = Math.floor(start / CHUNK_SIZE);
    let piece = await sealed.next();
    if (piece.done === true) throw damaged(name, 'LTX_TRUNCATED', 'ends before its first chunk');
    while (piece.done !== true) {
      signal?.throwIfAborted();
      const next = await sealed.next();
      const offset = index * CHUNK_SIZE;
      const isEnd = next.done === true && (piece.value.byteLength < SEALED_CHUNK_SIZE || offset + CHUNK_SIZE < end);
      const place = isEnd ? 'last' : next.done === true ? 'either' : 'middle';
      const content = openAt(name, chunkKey, index, place, piece.value);
      const size = offset + content.byteLength;
      if (isEnd && range !== undefined && start >= size) throw pastEnd(name, start, size);
      const part = content.subarray(Math.max(start - offset, 0), end - offset);
      if (part.byteLength > 0) yield part;
      piece = next;
      index += 1;
    }
  }

  #nameOf(key: string): string {
    return `${this.#store.url}/${key}`;
  }
}

/** Which chunk it may be: where a range ends with a full chunk, whether the object ends there too is not known. */
type ChunkPlace = 'middle' | 'last' | 'either';

function openAt(name: string, key: Uint8Array, index: number, place: ChunkPlace, sealed: Uint8Array): Buffer {
  const content =
    (place === 'last' ? undefined : openChunk(key, index, false, sealed)) ??
    (place === 'middle' ? undefined : openChunk(key, index, true, sealed));
  if (content !== undefined && (content.byteLength > 0 || index === 0)) return content;
  if (place === 'last' && openChunk(key, index, false, sealed) !== undefined) {
    throw damaged(name, 'LTX_TRUNCATED', `ends after chunk ${index}, which is not its last`);
  }
  throw damaged(name, 'LTX_CHECKSUM', `is damaged: its encrypted chunk ${index} is not what was written`);
}

/** The word all stores use, so that whoever asks past the end hears the same everywhere. */
function pastEnd(name: string, start: number, size: number): StationError {
  return new StationError('STORAGE_BROKEN', `InvalidRange: ${name} holds ${size} bytes, none at ${start}`);
}
