import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { LtxEncoder } from '../../src/ltx/encoder.ts';
import { lockPageNumber } from '../../src/page.ts';
import { type Milliseconds, milliseconds, pageNumber, txid } from '../../src/quantities.ts';
import { ltxKey } from '../../src/storage/key-layout.ts';
import { bodyFromBytes } from '../../src/storage/object-body.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** What one LTX file is to hold. */
export interface LtxContent {
  readonly pageSize: number;
  readonly commit: number;
  readonly minTxid: number;
  readonly maxTxid: number;
  readonly timestamp: number;
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

function encodeLtx(content: LtxContent): Buffer {
  const encoder = new LtxEncoder({
    pageSize: content.pageSize,
    commit: content.commit,
    minTxid: txid(content.minTxid),
    maxTxid: txid(content.maxTxid),
    timestamp: milliseconds(content.timestamp),
    wal: { offset: 32, size: 0, salt1: 0, salt2: 0 },
    checksums: 'none',
    nodeId: 0n,
  });
  const parts = [encoder.start()];
  for (const [number, data] of [...content.pages].sort((a, b) => a[0] - b[0])) {
    parts.push(encoder.page(pageNumber(number), data));
  }
  parts.push(encoder.finish());
  return Buffer.concat(parts);
}

export async function putLtx(
  store: ObjectStore,
  level: number,
  content: LtxContent,
  change?: (file: Buffer) => Buffer,
) {
  const key = ltxKey(store.layout, level, txid(content.minTxid), txid(content.maxTxid));
  const file = encodeLtx(content);
  const body = bodyFromBytes(change === undefined ? file : change(file));
  await store.put(key, body, { createOnly: false, timestamp: milliseconds(content.timestamp) });
  return key;
}

/** A real SQLite database in WAL mode, and its file as of every TXID. */
export class History {
  readonly pageSize: number;
  /** The whole database file as of each TXID, from 1. */
  readonly states: Buffer[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'history-'));
  readonly #path = join(this.#folder, 'source.db');
  readonly #timeOf: (number: number) => number;

  /** @param options.timeOf when each TXID was captured; else one each second from `startedAt` on */
  constructor(
    options: {
      readonly pageSize?: number;
      readonly startedAt?: number;
      readonly timeOf?: (number: number) => number;
    } = {},
  ) {
    this.pageSize = options.pageSize ?? 4096;
    const startedAt = options.startedAt ?? 1_700_000_000_000;
    this.#timeOf = options.timeOf ?? ((number) => startedAt + number * 1000);
    const database = new Database(this.#path);
    database.pragma(`page_size = ${this.pageSize}`);
    database.pragma('journal_mode = WAL');
    database.close();
    this.commit('CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB)');
  }

  /** Runs SQL as the next TXID. */
  commit(sql: string): this {
    const database = new Database(this.#path);
    database.pragma('synchronous = OFF');
    database.exec(sql);
    database.close();
    this.states.push(readFileSync(this.#path));
    return this;
  }

  /** So many TXIDs, each with a row of about `size` bytes. */
  grow(commits: number, size = 3000): this {
    for (let count = 0; count < commits; count += 1) {
      this.commit(`INSERT INTO item (body) VALUES (randomblob(${size}))`);
    }
    return this;
  }

  get newest(): number {
    return this.states.length;
  }

  state(number: number): Buffer {
    const state = this.states[number - 1];
    if (state === undefined) throw new Error(`no TXID ${number}`);
    return state;
  }

  time(number: number): Milliseconds {
    return milliseconds(this.#timeOf(number));
  }

  /** One file of TXIDs `min` to `max`, as stock Litestream merges them. */
  content(min: number, max: number): LtxContent {
    const last = this.state(max);
    const commit = last.byteLength / this.pageSize;
    const pages = new Map<number, Uint8Array>();
    for (let number = min; number <= max; number += 1) {
      for (const page of this.#changed(number)) {
        if (page <= commit) pages.set(page, last.subarray((page - 1) * this.pageSize, page * this.pageSize));
      }
    }
    return { pageSize: this.pageSize, commit, minTxid: min, maxTxid: max, timestamp: this.time(max), pages };
  }

  /** The pages of one TXID that differ from those before it; all of them at the first. */
  #changed(number: number): number[] {
    const now = this.state(number);
    const before = number === 1 ? Buffer.alloc(0) : this.state(number - 1);
    const changed: number[] = [];
    for (let page = 1; page * this.pageSize <= now.byteLength; page += 1) {
      const [start, end] = [(page - 1) * this.pageSize, page * this.pageSize];
      const isSame = end <= before.byteLength && now.subarray(start, end).equals(before.subarray(start, end));
      if (!isSame && page !== lockPageNumber(this.pageSize)) changed.push(page);
    }
    return changed;
  }

  /** Puts level-0 files of these TXIDs. */
  async putLevel0(store: ObjectStore, from = 1, to = this.newest): Promise<void> {
    for (let number = from; number <= to; number += 1) await putLtx(store, 0, this.content(number, number));
  }

  async putMerged(store: ObjectStore, level: number, min: number, max: number): Promise<string> {
    return putLtx(store, level, this.content(min, max));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Turns one bit in the middle of a file. */
export function flipBit(file: Buffer): Buffer {
  const changed = Buffer.from(file);
  const position = Math.floor(changed.byteLength / 2);
  changed.writeUInt8(changed.readUInt8(position) ^ 0x10, position);
  return changed;
}

/** Turns one bit of the TXIDs or the magic, so that the header alone gives it away. */
export function breakHeader(file: Buffer): Buffer {
  const changed = Buffer.from(file);
  changed.writeUInt8(changed.readUInt8(0) ^ 0xff, 0);
  return changed;
}
