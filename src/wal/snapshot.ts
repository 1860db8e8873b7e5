import { read as readCallback } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { lockPageNumber, type Page } from '../page.ts';
import { pageNumber } from '../quantities.ts';
import type { PageIndex } from './page-index.ts';
import { newestFrames, readFrame } from './page-source.ts';
import type { WalPosition } from './wal-position.ts';

const read = promisify(readCallback);
const READ_SIZE = 1024 * 1024;

/** Pages `first` to `first + count − 1`. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/**
 * The database as of one position, while writers go on. A page comes from its newest frame up to there, else from the
 * database file. Sound as long as the reader held then is not let go of: nothing newer is backfilled before that, and a
 * page torn by a checkpoint under way has a frame.
 */
export class SnapshotReader {
  readonly pageSize: number;
  readonly commit: number;
  readonly #databaseFile: number;
  readonly #walFile: number;
  readonly #position: WalPosition | undefined;
  readonly #frames: PageIndex;

  private constructor(source: SnapshotSource, frames: PageIndex) {
    this.pageSize = source.pageSize;
    this.commit = source.commit;
    this.#databaseFile = source.databaseFile;
    this.#walFile = source.walFile;
    this.#position = source.position;
    this.#frames = frames;
  }

  static async open(source: SnapshotSource): Promise<SnapshotReader> {
    return new SnapshotReader(source, await newestFrames(source.walFile, source.position));
  }

  /** Batches of at most 1 MiB; data is valid until the next batch is asked for. Runs must be ascending. */
  async *pages(runs: Iterable<PageRun> = allPages(this.pageSize, this.commit)): AsyncGenerator<readonly Page[]> {
    const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.floor(READ_SIZE / this.pageSize)) * this.pageSize);
    for (const run of split(runs, buffer.length / this.pageSize)) {
      const wanted = run.count * this.pageSize;
      const { bytesRead } = await read(this.#databaseFile, buffer, 0, wanted, (run.first - 1) * this.pageSize);
      buffer.fill(0, bytesRead, wanted);
      const batch: Page[] = [];
      for (let index = 0; index < run.count; index += 1) {
        const data = buffer.subarray(index * this.pageSize, (index + 1) * this.pageSize);
        this.#overlay(run.first + index, data);
        batch.push({ number: pageNumber(run.first + index), data });
      }
      await nextTurn();
      yield batch;
    }
  }

  #overlay(page: number, data: Buffer): void {
    const frame = this.#frames.get(page);
    if (frame !== undefined && this.#position !== undefined) {
      readFrame(this.#walFile, this.#position, page, frame, data);
    }
  }
}

export interface SnapshotSource {
  readonly pageSize: number;
  readonly commit: number;
  readonly databaseFile: number;
  readonly walFile: number;
  readonly position: WalPosition | undefined;
}

/** Everything but the lock page. */
function* allPages(pageSize: number, commit: number): Generator<PageRun> {
  const lockPage = lockPageNumber(pageSize);
  if (commit < lockPage) {
    yield { first: 1, count: commit };
    return;
  }
  yield { first: 1, count: lockPage - 1 };
  if (commit > lockPage) yield { first: lockPage + 1, count: commit - lockPage };
}

function* split(runs: Iterable<PageRun>, limit: number): Generator<PageRun> {
  for (const run of runs) {
    for (let done = 0; done < run.count; done += limit) {
      yield { first: run.first + done, count: Math.min(limit, run.count - done) };
    }
  }
}
