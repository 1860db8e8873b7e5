import { isStationError, StationError } from '../errors.ts';
import { LtxDecoder } from '../ltx/decoder.ts';
import type { ReplicaFile } from '../restore/inventory.ts';
import { isDamage } from '../restore/position.ts';
import { fetchFiles } from '../restore/segments.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DamagedObject } from './findings.ts';

export interface ReadFinding {
  readonly damaged: readonly DamagedObject[];
  /** Listed before, and not there any more: retention ran, or somebody deletes. */
  readonly gone: readonly string[];
}

/** Compressed bytes decoded at a time: pages of zeros shrink a hundredfold. */
const SLICE = 64 * 1024;

/**
 * Reads LTX files to their ends, and verifies every checksum in them and their names against what is inside.
 * Memory: 16 MiB of downloads, whatever the size of the files.
 * @throws what the store throws, but for STORAGE_NOT_FOUND
 */
export async function readFiles(
  store: ObjectStore,
  listed: readonly ReplicaFile[],
  parallelism: number,
  signal: AbortSignal,
): Promise<ReadFinding> {
  // Nothing is fetched of what is empty.
  const files = listed.filter(({ size }) => size > 0);
  const damaged: DamagedObject[] = [];
  for (const { key, size } of listed) if (size === 0) damaged.push({ key, what: 'is empty' });
  const gone: string[] = [];
  for (let next = 0; next < files.length; ) {
    const reader = new FileReader(files.slice(next));
    try {
      for await (const piece of fetchFiles(store, reader.files, parallelism, signal)) {
        if (piece.kind === 'damaged') throw piece.error;
        if (piece.file !== reader.current) throw new StationError('INTERNAL', 'a file was passed over');
        reader.read(piece.content);
        if (piece.last) reader.finish();
      }
    } catch (error) {
      signal.throwIfAborted();
      const file = reader.current;
      if (file === undefined) throw error;
      if (isDamage(error)) damaged.push({ key: file.key, what: withoutName(error.message, store, file.key) });
      else if (isStationError(error, 'STORAGE_NOT_FOUND')) gone.push(file.key);
      else throw error;
      // What was fetched ahead of it is fetched again.
      reader.pass();
    }
    if (reader.done === 0) throw new StationError('INTERNAL', 'nothing was read');
    next += reader.done;
  }
  return { damaged, gone };
}

/** Files one after the other, of which one is being read. */
class FileReader {
  readonly files: readonly ReplicaFile[];
  /** How many are behind us. */
  done = 0;
  #decoder = new LtxDecoder();
  #isHeaderChecked = false;

  constructor(files: readonly ReplicaFile[]) {
    this.files = files;
  }

  get current(): ReplicaFile | undefined {
    return this.files[this.done];
  }

  read(content: Uint8Array): void {
    for (let start = 0; start < content.byteLength; start += SLICE) {
      this.#decoder.push(content.subarray(start, start + SLICE));
    }
    this.#checkHeader();
  }

  finish(): void {
    this.#decoder.finish();
    this.#checkHeader();
    this.pass();
  }

  pass(): void {
    this.done += 1;
    this.#decoder = new LtxDecoder();
    this.#isHeaderChecked = false;
  }

  #checkHeader(): void {
    const { header } = this.#decoder;
    const file = this.current;
    if (this.#isHeaderChecked || header === undefined || file === undefined) return;
    this.#isHeaderChecked = true;
    if (header.minTxid === file.minTxid && header.maxTxid === file.maxTxid) return;
    throw new StationError('LTX_INVALID', `holds TXIDs ${header.minTxid} to ${header.maxTxid}, not those of its name`);
  }
}

/** Its key is told beside it. */
export function withoutName(message: string, store: ObjectStore, key: string): string {
  for (const name of [`${store.url}/${key}`, `${store.url}${key}`, key]) {
    if (message.startsWith(name)) return message.slice(name.length).replace(/^[:,]? /, '');
  }
  return message;
}
