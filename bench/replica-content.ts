import { once } from 'node:events';
import { createWriteStream, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import Database from 'better-sqlite3';
import { LtxEncoder } from '../src/ltx/encoder.ts';
import { lockPageNumber } from '../src/page.ts';
import { milliseconds, pageNumber, txid } from '../src/quantities.ts';
import { openFileStore } from '../src/storage/file/store.ts';
import { ltxKey, parseLtxKey } from '../src/storage/key-layout.ts';
import { bodyFromFile } from '../src/storage/object-body.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';

const PAGE_SIZE = 4096;
const WAL_HEADER_SIZE = 32;
const FRAME_HEADER_SIZE = 24;
const STARTED_AT = Date.UTC(2026, 0, 1);
/** Uploads at a time: the store that is filled may be slow on purpose. */
const UPLOADS = 16;

type NumberedPage = readonly [number: number, data: Uint8Array];

/**
 * Puts a replica of a database into a folder: a snapshot of it, and a level-0 file for each of so many small commits made
 * on it afterwards, out of the WAL that SQLite wrote for them. The database has a table `filler`, and nobody else open.
 */
export async function makeReplica(database: string, folder: string, commits: number): Promise<void> {
  const commit = statSync(database).size / PAGE_SIZE;
  await writeLtx(join(folder, ltxKey('folder', 9, txid(1), txid(1))), 1, commit, pagesOf(database, commit));
  if (commits === 0) return;
  const connection = new Database(database);
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = OFF');
  connection.pragma('wal_autocheckpoint = 0');
  const rows = Number(connection.prepare('SELECT max(id) FROM filler').pluck().get());
  const change = connection.prepare(
    'UPDATE filler SET data = CAST(substr(data, 1, length(data) - 8) AS BLOB) || randomblob(8) WHERE id = ?',
  );
  for (let count = 0; count < commits; count += 1) change.run(1 + ((count * 7919) % rows));
  let number = 1;
  for (const { pages, size } of transactionsIn(readFileSync(`${database}-wal`))) {
    number += 1;
    const key = ltxKey('folder', 0, txid(number), txid(number));
    await writeLtx(
      join(folder, key),
      number,
      size,
      [...pages].sort(([a], [b]) => a - b),
    );
  }
  connection.close();
  if (number !== commits + 1) throw new Error(`the WAL held ${number - 1} commits, not ${commits}`);
}

/** Puts the files of a folder replica into another store, under its own names. */
export async function copyReplica(folder: string, to: ObjectStore): Promise<void> {
  const listed = await Array.fromAsync(openFileStore({ type: 'file', path: folder }).list('ltx/'));
  const waiting = listed.values();
  const upload = async () => {
    for (const { key, size } of waiting) {
      const name = parseLtxKey('folder', key);
      if (name === undefined) throw new Error(`${key} is no LTX file`);
      const timestamp = timeOf(name.maxTxid);
      const body = bodyFromFile(join(folder, key), size);
      await to.put(ltxKey(to.layout, name.level, name.minTxid, name.maxTxid), body, { createOnly: true, timestamp });
    }
  };
  await Promise.all(Array.from({ length: UPLOADS }, upload));
}

const timeOf = (number: number) => milliseconds(STARTED_AT + number * 1000);

async function writeLtx(path: string, number: number, commit: number, pages: Iterable<NumberedPage>): Promise<void> {
  const encoder = new LtxEncoder({
    pageSize: PAGE_SIZE,
    commit,
    minTxid: txid(number),
    maxTxid: txid(number),
    timestamp: timeOf(number),
    wal: { offset: WAL_HEADER_SIZE, size: 0, salt1: 0, salt2: 0 },
    checksums: 'none',
    nodeId: 0n,
  });
  mkdirSync(dirname(path), { recursive: true });
  const file = createWriteStream(path);
  file.write(encoder.start());
  for (const [page, data] of pages) {
    if (!file.write(encoder.page(pageNumber(page), data))) await once(file, 'drain');
  }
  file.end(encoder.finish());
  await finished(file);
}

function* pagesOf(database: string, commit: number): Generator<NumberedPage> {
  const file = openSync(database, 'r');
  const page = Buffer.alloc(PAGE_SIZE);
  for (let number = 1; number <= commit; number += 1) {
    readSync(file, page, 0, PAGE_SIZE, (number - 1) * PAGE_SIZE);
    if (number !== lockPageNumber(PAGE_SIZE)) yield [number, page];
  }
}

/** What each commit wrote last to each page, and the size it left the database with. The WAL is known to be sound. */
function* transactionsIn(
  wal: Buffer,
): Generator<{ readonly pages: ReadonlyMap<number, Uint8Array>; readonly size: number }> {
  let pages = new Map<number, Uint8Array>();
  const frame = FRAME_HEADER_SIZE + PAGE_SIZE;
  for (let offset = WAL_HEADER_SIZE; offset + frame <= wal.length; offset += frame) {
    pages.set(wal.readUInt32BE(offset), wal.subarray(offset + FRAME_HEADER_SIZE, offset + frame));
    const size = wal.readUInt32BE(offset + 4);
    if (size === 0) continue;
    yield { pages, size };
    pages = new Map();
  }
}
