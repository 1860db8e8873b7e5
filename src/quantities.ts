/**
 * Branded numbers, so that a count of bytes cannot be handed in where a TXID or a time is meant.
 * All stay within Number.MAX_SAFE_INTEGER; formats with 64-bit fields check that when they decode.
 */
declare const brand: unique symbol;

type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Number of one sync of one database; the first is 1. 0 means "nothing yet". */
export type Txid = Branded<number, 'Txid'>;
export type Bytes = Branded<number, 'Bytes'>;
/** A duration, or a moment as milliseconds since the Unix epoch. */
export type Milliseconds = Branded<number, 'Milliseconds'>;
/** SQLite page number; the first page is 1. */
export type PageNumber = Branded<number, 'PageNumber'>;

export const txid = (value: number): Txid => value as Txid;
export const bytes = (value: number): Bytes => value as Bytes;
export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const pageNumber = (value: number): PageNumber => value as PageNumber;
