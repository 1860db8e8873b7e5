import { type FileHandle, open } from 'node:fs/promises';
import { StationError } from '../errors.ts';
import { pageChecksum } from '../ltx/checksum.ts';
import { lockPageNumber, type Page } from '../page.ts';
import { pageNumber, type Txid } from '../quantities.ts';
import {
  CHECKSUM_HEADER_SIZE,
  type ChecksumFileHeader,
  checksumSource,
  encodeChecksumHeader,
  openChecksumFile,
} from '../restore/checksum-file.ts';

/** A whole database, as read page by page. */
export interface PageSource {
  readonly pageSize: number;
  readonly commit: number;
  pages(): AsyncIterable<readonly Page[]>;
}

/**
 * Writes the checksum of every page to a file of the format of `checksum-file.ts`, so that a state can be let go of and
 * be compared later. Memory: a batch of pages, whatever the size of the database.
 */
export async function writeDigests(source: PageSource, at: Txid, path: string): Promise<void> {
  const { pageSize, commit } = source;
  const file = await open(path, 'wx');
  try {
    await file.truncate(CHECKSUM_HEADER_SIZE + commit * 8);
    for await (const batch of source.pages()) {
      // A batch ends before the lock page, so its numbers follow each other.
      const first = batch[0]?.number;
      if (first === undefined) continue;
      const digests = BigUint64Array.from(batch, ({ number, data }) => pageChecksum(number, data));
      await file.write(Buffer.from(digests.buffer), 0, digests.byteLength, CHECKSUM_HEADER_SIZE + (first - 1) * 8);
    }
    await file.write(encodeChecksumHeader({ pageSize, commit, txid: at }), 0, CHECKSUM_HEADER_SIZE, 0);
  } finally {
    await file.close();
  }
}

const CHUNK = 1024 * 1024;

/**
 * What of a database file differs from a state whose checksums were kept, in words; undefined where nothing does.
 * No SQLite connection of this process may have the file open.
 * @throws StationError STAGING_FAILED where there are no such checksums
 */
export async function differenceFrom(path: string, digests: string): Promise<string | undefined> {
  const opened = await openChecksumFile(digests);
  if (opened === undefined) throw new StationError('STAGING_FAILED', `${digests} holds no page checksums`);
  const { header, file: known } = opened;
  try {
    const database = await open(path, 'r');
    try {
      return await compare(database, header, known);
    } finally {
      await database.close();
    }
  } finally {
    await known.close();
  }
}

async function compare(
  database: FileHandle,
  header: ChecksumFileHeader,
  known: FileHandle,
): Promise<string | undefined> {
  const { pageSize, commit } = header;
  const { size } = await database.stat();
  if (size !== pageSize * commit) return `it has ${size} bytes, not ${commit} pages of ${pageSize} bytes`;
  const source = checksumSource(header, known, new Map(), commit);
  const lockPage = lockPageNumber(pageSize);
  const buffer = Buffer.allocUnsafeSlow(Math.max(pageSize, CHUNK));
  const perChunk = buffer.byteLength / pageSize;
  const differing: number[] = [];
  let count = 0;
  for (let first = 1; first <= commit; first += perChunk) {
    const wanted = Math.min(perChunk, commit - first + 1);
    await database.read(buffer, 0, wanted * pageSize, (first - 1) * pageSize);
    const digests = await source.read(first, wanted);
    for (let index = 0; index < wanted; index += 1) {
      const number = pageNumber(first + index);
      if (number === lockPage) continue;
      const data = buffer.subarray(index * pageSize, (index + 1) * pageSize);
      if (digests[index] === pageChecksum(number, data)) continue;
      count += 1;
      if (differing.length < 5) differing.push(number);
    }
  }
  if (count === 0) return undefined;
  const more = count > differing.length ? `, … (${count} of ${commit} pages)` : ` of ${commit}`;
  return `${count === 1 ? 'page' : 'pages'} ${differing.join(', ')}${more} differ`;
}
