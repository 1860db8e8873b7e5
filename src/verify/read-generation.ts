import { isStationError } from '../errors.ts';
import type { Generation, LegacySegment, LegacySnapshot } from '../restore/legacy/generations.ts';
import { openObject } from '../restore/legacy/open-object.ts';
import { changesSince, counterOf, PageOneCounters } from '../restore/legacy/page-one.ts';
import { walOrder } from '../restore/legacy/wal-order.ts';
import { WalStream } from '../restore/legacy/wal-stream.ts';
import { isDamage } from '../restore/position.ts';
import { fetchFiles } from '../restore/segments.ts';
import { readSqliteHeader, SQLITE_HEADER_SIZE } from '../restore/sqlite-header.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DamagedObject } from './findings.ts';
import { type ReadFinding, withoutName } from './read-objects.ts';

type LegacyObject = LegacySnapshot | LegacySegment;

/** What a snapshot says of itself. */
interface ReadSnapshot {
  readonly snapshot: LegacySnapshot;
  readonly pageSize: number;
  /** Of its first page. */
  readonly counter: number;
}

/** What a WAL file says of itself; `whole`: from its first byte to the end of its last segment. */
interface ReadWal {
  readonly whole: boolean;
  readonly salt: number | undefined;
  readonly pageOne: PageOneCounters;
}

/**
 * Reads a generation of Litestream 0.3 to its end, with the checksums that its objects have, and holds them against each
 * other: the frames of a WAL file must go on from segment to segment, WAL files follow each other, and a snapshot be as
 * old as its name says. WAL of before the oldest snapshot leads nowhere, and is only read.
 * @throws what the store throws, but for STORAGE_NOT_FOUND
 */
export async function readGeneration(
  store: ObjectStore,
  generation: Generation,
  signal: AbortSignal,
): Promise<ReadFinding> {
  return await new GenerationReader(store, signal).read(generation);
}

class GenerationReader {
  readonly #store: ObjectStore;
  readonly #signal: AbortSignal;
  readonly #damaged: DamagedObject[] = [];
  readonly #gone: string[] = [];

  constructor(store: ObjectStore, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  async read({ snapshots, segments }: Generation): Promise<ReadFinding> {
    const sound: ReadSnapshot[] = [];
    for (const snapshot of snapshots) {
      const read = await this.#readSnapshot(snapshot);
      if (read !== undefined) sound.push(read);
    }
    const pageSize = sound[0]?.pageSize;
    const start = snapshots[0]?.index ?? Number.POSITIVE_INFINITY;
    const wals = new Map<number, ReadWal>();
    for (const [index, parts] of Map.groupBy(segments, (segment) => segment.index)) {
      if (pageSize === undefined || index < start) for (const part of parts) await this.#readWhole(part, () => {});
      else wals.set(index, await this.#readWal(parts, pageSize, parts.at(-1) === segments.at(-1), wals.get(index - 1)));
    }
    this.#judgeAges(sound, wals, segments.at(-1)?.index ?? -1);
    return { damaged: this.#damaged, gone: this.#gone };
  }

  async #readSnapshot(snapshot: LegacySnapshot): Promise<ReadSnapshot | undefined> {
    let start = Buffer.alloc(0);
    let size = 0;
    const isWhole = await this.#readWhole(snapshot, (content) => {
      if (start.byteLength < SQLITE_HEADER_SIZE)
        start = Buffer.concat([start, content.subarray(0, SQLITE_HEADER_SIZE)]);
      size += content.byteLength;
    });
    if (!isWhole) return undefined;
    const pageSize = readSqliteHeader(start)?.pageSize;
    if (pageSize === undefined || size % pageSize !== 0) {
      this.#note(snapshot, 'holds no SQLite database, or not all of it');
      return undefined;
    }
    return { snapshot, pageSize, counter: counterOf(start) };
  }

  async #readWal(
    parts: readonly LegacySegment[],
    pageSize: number,
    isLast: boolean,
    before: ReadWal | undefined,
  ): Promise<ReadWal> {
    const pageOne = new PageOneCounters();
    const stream = new WalStream(pageSize, (page, commit, image) => pageOne.frame(page, commit, image));
    let length = 0;
    let isGoingOn = true;
    for (const part of parts) {
      const isLive = isLast && part.form === 'whole-raw';
      const begin = length;
      const isRead = await this.#readWhole(part, (content) => {
        if (isGoingOn && part.offset === begin) stream.push(content);
        length += content.byteLength;
      });
      if (!isRead) isGoingOn = false;
      if (!isGoingOn) continue;
      if (part.offset !== begin)
        this.#note(part, `begins at byte ${part.offset} of its WAL file, which is known up to ${begin}`);
      else if (stream.validBytes !== length && !isLive)
        this.#note(part, `its WAL file is broken at byte ${stream.validBytes}`);
      else continue;
      isGoingOn = false;
    }
    const [first] = parts;
    const order = walOrder(before?.salt, stream.salt);
    if (first !== undefined && order === 'missing') this.#note(first, 'does not follow the WAL file before it');
    if (first !== undefined && order === 'earlier')
      this.#note(first, 'was written earlier than the WAL file before it');
    return { whole: isGoingOn, salt: stream.salt, pageOne };
  }

  /** Counters only rise: a snapshot lies between the end of the WAL file before its own and the end of its own. */
  #judgeAges(snapshots: readonly ReadSnapshot[], wals: ReadonlyMap<number, ReadWal>, end: number): void {
    for (const { snapshot, counter } of snapshots) {
      const { index } = snapshot;
      const own = wals.get(index);
      const before = wals.get(index - 1)?.pageOne.last;
      const isOlder =
        (before !== undefined && changesSince(before, counter) > 0) ||
        (own?.pageOne.first !== undefined && changesSince(own.pageOne.first, counter) > 1);
      // Of the last WAL file, more may be on its way.
      const after = own?.whole === true && index < end ? own.pageOne.last : undefined;
      if (isOlder) this.#note(snapshot, 'is older than the WAL of before it');
      else if (after !== undefined && changesSince(after, counter) < 0) this.#note(snapshot, 'is newer than its WAL');
    }
  }

  /** False where it is damaged, or gone. */
  async #readWhole(object: LegacyObject, take: (content: Uint8Array) => void): Promise<boolean> {
    const { key } = object;
    try {
      for await (const content of openObject(this.#store, key, this.#storedOf(object))) {
        this.#signal.throwIfAborted();
        take(content);
      }
      return true;
    } catch (error) {
      this.#signal.throwIfAborted();
      if (isDamage(error)) this.#note(object, withoutName(error.message, this.#store, key));
      else if (isStationError(error, 'STORAGE_NOT_FOUND')) this.#gone.push(key);
      else throw error;
      return false;
    }
  }

  async *#storedOf(object: LegacyObject): AsyncGenerator<Uint8Array> {
    for await (const piece of fetchFiles(this.#store, [object], 1, this.#signal)) {
      if (piece.kind === 'damaged') throw piece.error;
      yield piece.content;
    }
  }

  #note({ key }: LegacyObject, what: string): void {
    if (!this.#damaged.some((one) => one.key === key)) this.#damaged.push({ key, what });
  }
}
