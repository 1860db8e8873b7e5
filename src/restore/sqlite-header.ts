import { isPageSize } from '../page.ts';

export const SQLITE_HEADER_SIZE = 100;
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');

export interface SqliteHeader {
  readonly pageSize: number;
  /** Size in pages; undefined where the header's own counters say the field is stale (SQLite before 3.7). */
  readonly pages: number | undefined;
}

/** Source: sqlite.org/fileformat2.html §1.3. Undefined for what is no SQLite database, or too short to tell. */
export function readSqliteHeader(start: Buffer): SqliteHeader | undefined {
  if (start.byteLength < SQLITE_HEADER_SIZE || !start.subarray(0, MAGIC.byteLength).equals(MAGIC)) return undefined;
  const stored = start.readUInt16BE(16);
  const pageSize = stored === 1 ? 65_536 : stored;
  if (!isPageSize(pageSize)) return undefined;
  const isCurrent = start.readUInt32BE(24) === start.readUInt32BE(92);
  return { pageSize, pages: isCurrent && start.readUInt32BE(28) > 0 ? start.readUInt32BE(28) : undefined };
}
