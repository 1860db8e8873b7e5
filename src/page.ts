import { type PageNumber, pageNumber } from './quantities.ts';

/** One page image of a database. */
export interface Page {
  readonly number: PageNumber;
  readonly data: Uint8Array;
}

/** SQLite's page sizes: powers of two from 512 to 65536. */
export function isPageSize(value: number): boolean {
  return value >= 512 && value <= 65536 && (value & (value - 1)) === 0;
}

/** The page that holds SQLite's lock bytes at 1 GiB: never written by SQLite, never in an LTX file, zeros in a restored file. */
export function lockPageNumber(pageSize: number): PageNumber {
  return pageNumber(Math.floor(0x40000000 / pageSize) + 1);
}
