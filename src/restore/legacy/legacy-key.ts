import { LEGACY_PREFIX } from '../../storage/key-layout.ts';

/** What the name of an object says that Litestream 0.3 wrote. */
export type LegacyKey =
  | { readonly kind: 'snapshot'; readonly generation: string; readonly index: number }
  | {
      readonly kind: 'segment';
      readonly generation: string;
      /** Number of the WAL file within the generation. */
      readonly index: number;
      /** Where in the uncompressed WAL file it begins. */
      readonly offset: number;
      /** All of a WAL file in one object, as folder replicas of 0.3.0 to 0.3.4 had it; raw while it was written to. */
      readonly form: 'part' | 'whole' | 'whole-raw';
    };

const below = `^${LEGACY_PREFIX}([0-9a-f]{16})/`;
const SNAPSHOT = new RegExp(`${below}snapshots/([0-9a-f]{8})\\.snapshot\\.lz4$`);
/** An offset of 4 GiB or more has more than eight digits. */
const SEGMENT = new RegExp(`${below}wal/([0-9a-f]{8})(?:_([0-9a-f]{8,13})\\.wal\\.lz4|\\.wal(\\.lz4)?)$`);
const GENERATION = new RegExp(below);

/** Undefined for a key that names nothing of a backup: left alone. */
export function parseLegacyKey(key: string): LegacyKey | undefined {
  const [, snapshotOf, snapshotIndex] = SNAPSHOT.exec(key) ?? [];
  if (snapshotOf !== undefined && snapshotIndex !== undefined) {
    return { kind: 'snapshot', generation: snapshotOf, index: Number.parseInt(snapshotIndex, 16) };
  }
  const [, generation, index, offset, compressed] = SEGMENT.exec(key) ?? [];
  if (generation === undefined || index === undefined) return undefined;
  return {
    kind: 'segment',
    generation,
    index: Number.parseInt(index, 16),
    offset: offset === undefined ? 0 : Number.parseInt(offset, 16),
    form: offset !== undefined ? 'part' : compressed !== undefined ? 'whole' : 'whole-raw',
  };
}

/** The generation a key lies in, whatever it names there. */
export function generationOf(key: string): string | undefined {
  return GENERATION.exec(key)?.[1];
}

export function generationPrefix(generation: string): string {
  return `${LEGACY_PREFIX}${generation}/`;
}

export function segmentPrefix(generation: string): string {
  return `${generationPrefix(generation)}wal/`;
}

/** A WAL file's number as 0.3 writes it, and reads it: eight hexadecimal digits. */
export function formatIndex(index: number): string {
  return index.toString(16).padStart(8, '0');
}
