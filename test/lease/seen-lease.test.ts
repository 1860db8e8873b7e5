import { describe, expect, it } from 'vitest';
import type { Instance } from '../../src/lease/judge-lease.ts';
import { acquired, renewed, requested } from '../../src/lease/next-lease.ts';
import { SeenLease } from '../../src/lease/seen-lease.ts';
import { milliseconds } from '../../src/quantities.ts';
import type { ObjectVersion } from '../../src/storage/object-store.ts';

const holder: Instance = { disk: 'disk of a', place: undefined, owner: 'a:1', service: undefined };
const duration = milliseconds(30_000);
const start = milliseconds(1_700_000_000_000);
const first = acquired(undefined, 'absent', holder, duration, start, 'first');
const version = '1' as ObjectVersion;

/** Looks at these records, a second apart. */
function look(...records: readonly (typeof first)[]): SeenLease {
  const seen = new SeenLease();
  for (const [index, record] of records.entries()) seen.note({ record, version }, milliseconds(index * 1_000));
  return seen;
}

describe('a holder that is looked at', () => {
  it('is known to live once it has written between two looks', () => {
    expect(look(first).holderWrites).toBe(false);
    expect(look(first, first).holderWrites).toBe(false);
    const again = renewed(first, milliseconds(start + 500), 'second', undefined);
    expect(look(first, again).holderWrites).toBe(true);
    expect(look(first, again, again).holderWrites).toBe(true);
  });

  it('is not known to live by a request that somebody else adds, nor by our own', () => {
    const asked = requested(first, { instance: 'b', owner: 'b:1', since: start });
    if (asked === undefined) throw new Error('the request did not fit in');
    expect(look(first, asked).holderWrites).toBe(false);
    const seen = look(first);
    seen.noteOwn(asked, version);
    expect(seen.holderWrites).toBe(false);
    expect(seen.record?.station?.request?.owner).toBe('b:1');
  });
});
