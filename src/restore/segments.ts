import type { ObjectStore } from '../storage/object-store.ts';
import { fetchRange } from './fetch-range.ts';
import type { ReplicaFile } from './inventory.ts';

/** Downloads in flight or waiting to be used, all files together: what bounds a restore's memory. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Large files are fetched in pieces of this size, side by side: one connection alone rarely fills the line. */
export const SEGMENT_SIZE = 4 * 1024 * 1024;

interface Segment {
  readonly file: ReplicaFile;
  readonly start: number;
  readonly end: number;
}

interface Fetching {
  readonly segment: Segment;
  readonly content: Promise<Uint8Array>;
}

/** A piece of a file's bytes; `last` on the piece that ends it. */
export interface FilePiece {
  readonly file: ReplicaFile;
  readonly content: Uint8Array;
  readonly last: boolean;
}

/**
 * The bytes of many files, in order, fetched ahead: up to `parallelism` requests at a time and 32 MiB in memory.
 * So thousands of small files cost a fraction of their round trips, and a large one is fetched by several connections.
 * @throws what `fetchRange` throws, when the piece it happened in is reached
 */
export async function* fetchFiles(
  store: ObjectStore,
  files: readonly ReplicaFile[],
  parallelism: number,
  signal: AbortSignal,
): AsyncGenerator<FilePiece> {
  const stop = new AbortController();
  const bodySignal = AbortSignal.any([signal, stop.signal]);
  const ahead: Fetching[] = [];
  const segments = segmentsOf(files);
  let bytesAhead = 0;
  try {
    for (;;) {
      while (ahead.length < parallelism && bytesAhead <= MOST_BYTES - SEGMENT_SIZE) {
        const next = segments.next();
        if (next.done === true) break;
        bytesAhead += next.value.end - next.value.start;
        ahead.push({ segment: next.value, content: startFetching(store, next.value, bodySignal) });
      }
      const head = ahead.shift();
      if (head === undefined) return;
      const { file, start, end } = head.segment;
      bytesAhead -= end - start;
      const content = await head.content;
      // A piece that is shorter than listed ends its file: what comes after cannot be joined to it.
      const short = content.byteLength < end - start;
      yield { file, content, last: end === file.size || short };
      if (short) return;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ahead.map((fetching) => fetching.content));
  }
}

function startFetching(store: ObjectStore, segment: Segment, signal: AbortSignal): Promise<Uint8Array> {
  const content = fetchRange(store, segment.file.key, segment, signal);
  // Its failure is seen when its turn comes; until then it must not count as unhandled.
  content.catch(() => undefined);
  return content;
}

function* segmentsOf(files: readonly ReplicaFile[]): Generator<Segment> {
  for (const file of files) {
    for (let start = 0; start < file.size; start += SEGMENT_SIZE) {
      yield { file, start, end: Math.min(start + SEGMENT_SIZE, file.size) };
    }
  }
}
