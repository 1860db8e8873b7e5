import { type Bytes, type Milliseconds, milliseconds } from '../../quantities.ts';
import { LEGACY_PREFIX } from '../../storage/key-layout.ts';
import type { ObjectInfo, ObjectStore } from '../../storage/object-store.ts';
import {
  formatIndex,
  generationOf,
  generationPrefix,
  type LegacyKey,
  parseLegacyKey,
  segmentPrefix,
} from './legacy-key.ts';

interface Stored {
  readonly key: string;
  readonly size: Bytes;
  /** The store's time of the object: all that says when its content was written. */
  readonly lastModified: Milliseconds;
}

export type LegacySnapshot = Extract<LegacyKey, { kind: 'snapshot' }> & Stored;
export type LegacySegment = Extract<LegacyKey, { kind: 'segment' }> & Stored;

/** One unbroken run of Litestream 0.3 on one database. */
export interface Generation {
  readonly name: string;
  /** By index. */
  readonly snapshots: readonly LegacySnapshot[];
  /** By index, then offset; each WAL file in one form only. */
  readonly segments: readonly LegacySegment[];
}

/** A generation with all that lies in it under names of 0.3. */
export interface StoredGeneration extends Generation {
  /** WAL files in a form that is not read, as another is there. */
  readonly spares: readonly LegacySegment[];
}

/** Sorts after every key below a prefix that ends before it. */
const AFTER_ALL = '~';

/**
 * The generations a replica holds, by name: a request for each, and one more, however much lies in them.
 * @throws what `store.list` throws
 */
export async function listGenerations(store: ObjectStore, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  let startAfter: string | undefined = LEGACY_PREFIX;
  while (startAfter !== undefined) {
    const next: string | undefined = await firstGeneration(store, startAfter, signal);
    if (next !== undefined) names.push(next);
    startAfter = next && generationPrefix(next) + AFTER_ALL;
  }
  return names;
}

async function firstGeneration(store: ObjectStore, startAfter: string, signal: AbortSignal) {
  for await (const object of store.list(LEGACY_PREFIX, { startAfter, signal })) {
    const generation = generationOf(object.key);
    if (generation !== undefined) return generation;
  }
  return undefined;
}

/** By index. @throws what `store.list` throws */
export async function listSnapshots(
  store: ObjectStore,
  generation: string,
  signal: AbortSignal,
): Promise<readonly LegacySnapshot[]> {
  const snapshots: LegacySnapshot[] = [];
  for await (const object of store.list(`${generationPrefix(generation)}snapshots/`, { signal })) {
    const key = parseLegacyKey(object.key);
    if (key?.kind === 'snapshot') snapshots.push({ ...key, ...stored(object) });
  }
  return snapshots.sort((a, b) => a.index - b.index);
}

/**
 * The segments from a WAL file on: a request per thousand of them.
 * @param isLast no more are listed after this one
 * @throws what `store.list` throws
 */
export async function listSegments(
  store: ObjectStore,
  generation: string,
  fromIndex: number,
  signal: AbortSignal,
  isLast: (segment: LegacySegment) => boolean = () => false,
): Promise<readonly LegacySegment[]> {
  const startAfter = segmentPrefix(generation) + formatIndex(fromIndex);
  return inOneForm(await segmentsAfter(store, generation, startAfter, signal, isLast));
}

/** So many at most of the segments after a key, by key, in whatever form. @throws what `store.list` throws */
export async function listSegmentsAfter(
  store: ObjectStore,
  generation: string,
  startAfter: string,
  signal: AbortSignal,
  most: number,
): Promise<readonly LegacySegment[]> {
  let left = most;
  const isLast = () => {
    left -= 1;
    return left === 0;
  };
  return await segmentsAfter(store, generation, startAfter, signal, isLast);
}

async function segmentsAfter(
  store: ObjectStore,
  generation: string,
  startAfter: string,
  signal: AbortSignal,
  isLast: (segment: LegacySegment) => boolean,
): Promise<readonly LegacySegment[]> {
  const segments: LegacySegment[] = [];
  for await (const object of store.list(segmentPrefix(generation), { startAfter, signal })) {
    const key = parseLegacyKey(object.key);
    if (key?.kind !== 'segment') continue;
    const segment = { ...key, ...stored(object) };
    segments.push(segment);
    if (isLast(segment)) break;
  }
  return segments;
}

/** A whole generation. @throws what `store.list` throws */
export async function listGeneration(store: ObjectStore, name: string, signal: AbortSignal): Promise<Generation> {
  const snapshots = await listSnapshots(store, name, signal);
  return { name, snapshots, segments: await listSegments(store, name, 0, signal) };
}

/** What a listing of all generations gives. */
export interface LegacyListing {
  /** By name. */
  readonly generations: readonly StoredGeneration[];
  /** The store's time of the newest object, listed here or left out; 0 where there is none. */
  readonly newest: Milliseconds;
  /** Whether objects were left out: there were more than `most`. */
  readonly isCut: boolean;
}

/**
 * All generations with all that lies in them under names of 0.3: a request per thousand objects.
 * @param most so many objects are kept in memory
 * @throws what `store.list` throws
 */
export async function listWholeGenerations(
  store: ObjectStore,
  most: number,
  signal: AbortSignal,
): Promise<LegacyListing> {
  const found = new Map<string, { readonly snapshots: LegacySnapshot[]; readonly segments: LegacySegment[] }>();
  let newest = milliseconds(0);
  let count = 0;
  for await (const object of store.list(LEGACY_PREFIX, { signal })) {
    const key = parseLegacyKey(object.key);
    if (key === undefined) continue;
    newest = milliseconds(Math.max(newest, object.lastModified));
    count += 1;
    if (count > most) continue;
    const generation = found.get(key.generation) ?? { snapshots: [], segments: [] };
    found.set(key.generation, generation);
    if (key.kind === 'snapshot') generation.snapshots.push({ ...key, ...stored(object) });
    else generation.segments.push({ ...key, ...stored(object) });
  }
  const generations = [...found].map(([name, { snapshots, segments }]) => {
    const read = inOneForm(segments);
    const isRead = new Set(read);
    const spares = segments.filter((segment) => !isRead.has(segment));
    return { name, snapshots: snapshots.sort((a, b) => a.index - b.index), segments: read, spares };
  });
  return { generations, newest, isCut: count > most };
}

function stored({ key, size, lastModified }: ObjectInfo): Stored {
  return { key, size, lastModified };
}

/** Parts of a WAL file that begin at its start go before the whole of it, a compressed whole before a raw one. */
function inOneForm(segments: readonly LegacySegment[]): readonly LegacySegment[] {
  return [...Map.groupBy(segments, (segment) => segment.index).values()]
    .flatMap((same) => {
      const parts = same.filter((segment) => segment.form === 'part').sort((a, b) => a.offset - b.offset);
      if (parts[0]?.offset === 0) return parts;
      const whole = same.find((segment) => segment.form === 'whole') ?? same.find(({ form }) => form === 'whole-raw');
      return whole === undefined ? parts : [whole];
    })
    .sort((a, b) => a.index - b.index || a.offset - b.offset);
}
