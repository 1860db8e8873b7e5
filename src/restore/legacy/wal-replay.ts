import { ftruncateSync, writeSync } from 'node:fs';
import { PendingPages } from '../../wal/pending-pages.ts';
import { writeError } from '../write-error.ts';
import { PageBatch } from './page-batch.ts';
import { PageOneCounters } from './page-one.ts';
import { WalStream } from './wal-stream.ts';

const BATCH_SIZE = 1024 * 1024;

/**
 * Replays one WAL file into a database file, as SQLite's recovery and a checkpoint of all of it would: the frames up to
 * the last commit before the first one that is not valid, by salts and running checksum. What a transaction without an end
 * has written is not applied. The file ends up with the size of that commit.
 *
 * Memory: 2 MiB, and for a transaction larger than 1 MiB another 8 MiB and an index; the rest of it waits on disk.
 */
export class WalReplay {
  /** Size of the database in pages after the last commit; undefined while there is none. */
  commit: number | undefined;
  readonly #database: number;
  readonly #pageSize: number;
  readonly #spillFolder: string;
  readonly #committed: PageBatch;
  readonly #open: PageBatch;
  readonly #stream: WalStream;
  /** Of what was committed. */
  readonly pageOne = new PageOneCounters();
  #large: PendingPages | undefined;

  /** @param database descriptor of a file that SQLite does not have open */
  constructor(database: number, pageSize: number, spillFolder: string) {
    this.#database = database;
    this.#pageSize = pageSize;
    this.#spillFolder = spillFolder;
    this.#committed = new PageBatch(pageSize, BATCH_SIZE);
    this.#open = new PageBatch(pageSize, BATCH_SIZE);
    this.#stream = new WalStream(pageSize, (page, commit, image) => this.#frame(page, commit, image));
  }

  /** False from the first byte on that is no part of this WAL: what follows is ignored. */
  push(chunk: Uint8Array): boolean {
    return this.#stream.push(chunk);
  }

  /** Bytes that were valid: up to the end of the last valid frame, whether committed or not. */
  get validBytes(): number {
    return this.#stream.validBytes;
  }

  /** The header's first salt; undefined before it was read, or where it is none. */
  get salt(): number | undefined {
    return this.#stream.salt;
  }

  /** Writes what is left of the committed pages, and sets the size. */
  finish(): void {
    this.#large?.close();
    this.#large = undefined;
    this.#open.clear();
    if (this.commit === undefined) return;
    this.#flush();
    const size = this.commit * this.#pageSize;
    orWriteError(() => ftruncateSync(this.#database, size));
  }

  /** Where finish() is not reached. */
  close(): void {
    this.#large?.close();
    this.#large = undefined;
  }

  #frame(page: number, commit: number, image: Uint8Array): void {
    this.pageOne.frame(page, commit, image);
    if (this.#large === undefined && !this.#open.put(page, image)) {
      this.#large = new PendingPages(this.#pageSize, this.#spillFolder);
      for (const [number, data] of this.#open.pages()) this.#large.put(number, data);
      this.#open.clear();
    }
    this.#large?.put(page, image);
    if (commit === 0) return;
    this.commit = commit;
    if (this.#large !== undefined) this.#commitLarge(this.#large);
    for (const [number, data] of this.#open.pages()) {
      if (this.#committed.put(number, data)) continue;
      this.#flush();
      this.#committed.put(number, data);
    }
    this.#open.clear();
  }

  #commitLarge(large: PendingPages): void {
    this.#flush();
    for (const batch of large.batches(large.numbers(0xffffffff))) {
      for (const { number, data } of batch) this.#write(number, data);
    }
    large.close();
    this.#large = undefined;
  }

  #flush(): void {
    for (const [page, data] of this.#committed.pages()) this.#write(page, data);
    this.#committed.clear();
  }

  #write(page: number, data: Uint8Array): void {
    const start = (page - 1) * this.#pageSize;
    orWriteError(() => {
      for (let done = 0; done < data.byteLength; ) {
        done += writeSync(this.#database, data, done, data.byteLength - done, start + done);
      }
    });
  }
}

function orWriteError(write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw writeError('the database could not be written', cause);
  }
}
