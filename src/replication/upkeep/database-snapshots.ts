import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StationError } from '../../errors.ts';
import type { Milliseconds, Txid } from '../../quantities.ts';
import { txid } from '../../quantities.ts';
import type { Snapshot } from '../../wal/change-set.ts';
import type { FileToUpload } from '../replica/upload.ts';
import { leaveRoom } from '../staging/room-left.ts';
import { writeLtxFile } from '../staging/write-ltx.ts';

/** The database as of a sync, to be read while its writers go on. Whoever takes it releases it. */
export interface TakenSnapshot {
  readonly snapshot: Snapshot;
  /** The TXID and the time of that sync. */
  readonly txid: Txid;
  readonly timestamp: Milliseconds;
}

interface Staged {
  readonly file: Promise<FileToUpload>;
  /** How many uploads read it. */
  users: number;
  end: Txid;
}

/**
 * Whole copies of one database, each staged once for all replicas that want one. Read from the live database: it is on
 * this disk, where merging a replica's last snapshot with what came since would mean to download it all. The database is
 * held for as long as reading it takes; the uploads come after.
 */
export class DatabaseSnapshots {
  readonly #folder: string;
  readonly #take: () => Promise<TakenSnapshot | undefined>;
  readonly #begun: () => void;
  readonly #leaveRoom: (folder: string) => Promise<void>;
  readonly #stop = new AbortController();
  #staged: Staged | undefined;
  #count = 0;
  /** While it is under way the database is held. */
  #writing: Promise<FileToUpload> | undefined;

  /**
   * @param take undefined: there is no database to read now
   * @param begun one is being made: others may join
   * @param room is asked again and again while one is written
   */
  constructor(
    folder: string,
    take: () => Promise<TakenSnapshot | undefined>,
    begun: () => void,
    room: (folder: string) => Promise<void> = leaveRoom,
  ) {
    this.#folder = folder;
    this.#take = take;
    this.#begun = begun;
    this.#leaveRoom = room;
  }

  /** The TXID that the one staged, or being staged, ends with; undefined: there is none. */
  get end(): Txid | undefined {
    const end = this.#staged?.end;
    return end === 0 ? undefined : end;
  }

  /** Whether one that ends above `above` is staged or being staged: who wants one soon does well to join. */
  isUnderWay(above: Txid): boolean {
    return this.#staged !== undefined && (this.#staged.end === 0 || this.#staged.end > above);
  }

  /**
   * Hands a staged copy that ends above `above` to `work`, and keeps it until that is done.
   * @throws StationError STAGING_FAILED, CAPTURE_FAILED; what `work` throws
   */
  async use<T>(above: Txid, work: (file: FileToUpload) => Promise<T>): Promise<T> {
    const staged = this.isUnderWay(above) ? (this.#staged as Staged) : this.#begin();
    staged.users += 1;
    try {
      return await work(await staged.file);
    } finally {
      staged.users -= 1;
      if (staged.users === 0) {
        if (this.#staged === staged) this.#staged = undefined;
        const file = await staged.file.catch(() => undefined);
        if (file !== undefined) await rm(dirname(file.path), { recursive: true, force: true }).catch(() => undefined);
      }
    }
  }

  /** Breaks off what is being written; the database is let go of when this returns. */
  async stop(): Promise<void> {
    this.#stop.abort(new StationError('CAPTURE_FAILED', 'the snapshot was broken off: the program ends'));
    await this.#writing?.catch(() => undefined);
  }

  #begin(): Staged {
    const staged: Staged = {
      file: this.#stage((end) => {
        staged.end = end;
      }),
      users: 0,
      end: txid(0),
    };
    staged.file.catch(() => undefined);
    this.#staged = staged;
    queueMicrotask(this.#begun);
    return staged;
  }

  async #stage(noteEnd: (end: Txid) => void): Promise<FileToUpload> {
    this.#stop.signal.throwIfAborted();
    const taken = await this.#take();
    if (taken === undefined) throw new StationError('CAPTURE_FAILED', 'there is no database to take a snapshot of');
    noteEnd(taken.txid);
    this.#writing = this.#write(taken);
    return await this.#writing;
  }

  async #write(taken: TakenSnapshot): Promise<FileToUpload> {
    const { snapshot, timestamp } = taken;
    const released = once(() => snapshot.release());
    try {
      this.#stop.signal.throwIfAborted();
      // Each in a folder of its own: one of the same TXID may be about to be removed.
      this.#count += 1;
      const folder = join(this.#folder, String(this.#count));
      await mkdir(folder, { recursive: true });
      const { pageSize, commit, wal } = snapshot;
      const header = { pageSize, commit, minTxid: txid(1), maxTxid: taken.txid, timestamp, wal } as const;
      const pages = this.#pagesOf(snapshot, folder, released);
      return await writeLtxFile(folder, 9, { ...header, checksums: 'none', nodeId: 0n }, pages, () => undefined);
    } finally {
      await released();
    }
  }

  /** The database is let go of with its last page: writing the rest of the file does not need it. */
  async *#pagesOf(
    snapshot: Snapshot,
    folder: string,
    release: () => Promise<void>,
  ): ReturnType<Snapshot['pages']> & AsyncGenerator {
    for await (const batch of snapshot.pages()) {
      this.#stop.signal.throwIfAborted();
      await this.#leaveRoom(folder);
      yield batch;
    }
    await release();
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
