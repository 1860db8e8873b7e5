import { formatFileName, parseFileName } from '../ltx/file-name.ts';
import type { Txid } from '../quantities.ts';
import type { ObjectStore } from './object-store.ts';

export type KeyLayout = ObjectStore['layout'];

export interface LtxKey {
  readonly level: number;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
}

/** Below it lies all that Litestream 0.3 wrote, on every kind of store. */
export const LEGACY_PREFIX = 'generations/';

export function isLegacyKey(key: string): boolean {
  return key.startsWith(LEGACY_PREFIX);
}

const levelPattern: Readonly<Record<KeyLayout, RegExp>> = {
  folder: /^ltx\/(\d)\/([^/]*)$/,
  s3: /^(000[0-9])\/([^/]*)$/,
};

/**
 * The prefix all files of a level share, relative to the replica's root: `ltx/9/` in folders, `0009/` on S3,
 * as stock Litestream has it since 0.5.0.
 */
export function levelPrefix(layout: KeyLayout, level: number): string {
  return layout === 'folder' ? `ltx/${level}/` : `${level.toString(16).padStart(4, '0')}/`;
}

export function ltxKey(layout: KeyLayout, level: number, minTxid: Txid, maxTxid: Txid): string {
  return levelPrefix(layout, level) + formatFileName(minTxid, maxTxid);
}

/** Undefined for a key that names no LTX file: such objects are someone else's, and are left alone. */
export function parseLtxKey(layout: KeyLayout, key: string): LtxKey | undefined {
  const [, level, name] = levelPattern[layout].exec(key) ?? [];
  const range = name === undefined ? undefined : parseFileName(name);
  return level === undefined || range === undefined ? undefined : { level: Number(level), ...range };
}
