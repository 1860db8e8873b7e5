import { bytes, milliseconds } from '../../quantities.ts';
import type { KeyPlace, Takes, Treatment } from './key-rule.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const mebibyte = 1024 ** 2;

export const text: Takes = { kind: 'text' };
export const secret: Takes = { kind: 'secret' };
export const boolean: Takes = { kind: 'boolean' };
export const texts: Takes = { kind: 'texts' };
export const group: Takes = { kind: 'group' };
export const choice = (...of: readonly string[]): Takes => ({ kind: 'choice', of });
export const map = (of: KeyPlace): Takes => ({ kind: 'map', of });
export const maps = (of: KeyPlace): Takes => ({ kind: 'maps', of });

const duration = (from: number, to: number): Takes => ({
  kind: 'duration',
  from: milliseconds(from),
  to: milliseconds(to),
});
export const syncInterval = duration(second, hour);
export const retentionTime = duration(hour, 8760 * hour);
/** How often something is looked after. */
export const period = duration(second, 8760 * hour);
/** A time that may also be none. */
export const pause = duration(0, 8760 * hour);

/** 5 MiB to 5 GiB: what S3 takes as a part. */
export const partSize: Takes = { kind: 'size', from: bytes(5 * mebibyte), to: bytes(5120 * mebibyte) };
export const anySize: Takes = { kind: 'size', from: bytes(0), to: bytes(Number.MAX_SAFE_INTEGER) };
/** Below this not even one sync of a small database would fit. */
export const stagingSize: Takes = { kind: 'size', from: bytes(mebibyte), to: bytes(Number.MAX_SAFE_INTEGER) };
/** A second. Less would never bring a first snapshot home. */
export const uploadRate: Takes = { kind: 'size', from: bytes(16 * 1024), to: bytes(Number.MAX_SAFE_INTEGER) };
export const count: Takes = { kind: 'integer', from: 0, to: 2 ** 31 };
export const anyInteger: Takes = { kind: 'integer', from: -1, to: Number.MAX_SAFE_INTEGER };
export const positive: Takes = { kind: 'integer', from: 1, to: 1000 };

export const honoured: Treatment = { kind: 'honoured' };
export const inform = (note: string): Treatment => ({ kind: 'noted', level: 'INFO', note });
export const warn = (note: string): Treatment => ({ kind: 'noted', level: 'WARN', note });
export const refuse = (hint: string, except?: 'false' | 'true'): Treatment =>
  except === undefined ? { kind: 'refused', hint } : { kind: 'refused', hint, except };
