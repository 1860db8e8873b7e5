import { StationError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { TightHeap } from '../tight-heap.ts';
import { fetchRange } from './fetch-range.ts';
import type { ReplicaFile } from './inventory.ts';
import { isDamage } from './position.ts';
import { SegmentMemory } from './segment-memory.ts';

/** Downloads in flight or waiting to be used, all files together: what bounds a restore's memory. */
const MOST_BYTES = 12 * 1024 * 1024;
/** Large files are fetched in pieces of this size, side by side: one connection alone rarely fills the line. */
const SEGMENT_SIZE = 1.5 * 1024 * 1024;
/** A file below it costs more for its request than for its bytes. */
const SMALL = SEGMENT_SIZE / 4;

/** What of a file is needed to fetch it. */
type Listed = Pick<ReplicaFile, 'key' | 'size'>;

interface Segment<File> {
  readonly file: File;
  readonly start: number;
  readonly end: number;
}

interface Fetching<File> {
  readonly segment: Segment<File>;
  readonly content: Promise<Uint8Array>;
}

/** A piece of a file's bytes, valid until the next is asked for; `last` on the piece that ends it. */
export type FilePiece<File> =
  | { readonly kind: 'content'; readonly file: File; readonly content: Uint8Array; readonly last: boolean }
  /** The store itself found the object damaged, as one that decrypts does; no piece follows. */
  | { readonly kind: 'damaged'; readonly file: File; readonly error: StationError };

/**
 * The bytes of many files, in order, fetched ahead: up to `parallelism` requests at a time and 12 MiB in memory.
 * So thousands of small files cost a fraction of their round trips, and a large one is fetched by several connections.
 * @throws what `fetchRange` throws, when the piece it happened in is reached
 */
export async function* fetchFiles<File extends Listed>(
  store: ObjectStore,
  files: readonly File[],
  parallelism: number,
  signal: AbortSignal,
): AsyncGenerator<FilePiece<File>, void, undefined> {
  const stop = new AbortController();
  const bodySignal = AbortSignal.any([signal, stop.signal]);
  const ahead: Fetching<File>[] = [];
  const segments = segmentsOf(files);
  const memory = new SegmentMemory(SEGMENT_SIZE);
  const heap = new TightHeap();
  let bytesAhead = 0;
  try {
    for (;;) {
      while (ahead.length < parallelism && bytesAhead <= MOST_BYTES - SEGMENT_SIZE) {
        const next = segments.next();
        if (next.done === true) break;
        bytesAhead += next.value.end - next.value.start;
        const isSmall = next.value.file.size < SMALL;
        heap.hold(isSmall ? 'small-objects' : 'large-objects');
        if (isSmall) memory.drop();
        const into = memory.take(next.value.end - next.value.start);
        ahead.push({ segment: next.value, content: startFetching(store, next.value, into, bodySignal) });
      }
      const head = ahead.shift();
      if (head === undefined) return;
      const { file, start, end } = head.segment;
      bytesAhead -= end - start;
      const content = await orDamage(head.content);
      if (content instanceof StationError) {
        yield { kind: 'damaged', file, error: content };
        return;
      }
      // A piece that is shorter than listed ends its file: what comes after cannot be joined to it.
      const short = content.byteLength < end - start;
      yield { kind: 'content', file, content, last: end === file.size || short };
      if (short) return;
      memory.give(content);
    }
  } finally {
    stop.abort();
    heap.release();
    await Promise.allSettled(ahead.map((fetching) => fetching.content));
    // What follows needs memory of its own, and garbage of this size would still be there.
    memory.drop();
  }
}

async function orDamage(content: Promise<Uint8Array>): Promise<Uint8Array | StationError> {
  try {
    return await content;
  } catch (error) {
    if (isDamage(error)) return error;
    throw error;
  }
}

function startFetching(
  store: ObjectStore,
  segment: Segment<Listed>,
  into: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const content = fetchRange(store, segment.file.key, segment, signal, { into });
  // Its failure is seen when its turn comes; until then it must not count as unhandled.
  content.catch(() => undefined);
  return content;
}

function* segmentsOf<File extends Listed>(files: readonly File[]): Generator<Segment<File>, void, undefined> {
  for (const file of files) {
    for (let start = 0; start < file.size; start += SEGMENT_SIZE) {
      yield { file, start, end: Math.min(start + SEGMENT_SIZE, file.size) };
    }
  }
}
