import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLease, type LeaseRecord, parseLease } from '../../src/lease/lease-record.ts';
import { milliseconds, txid } from '../../src/quantities.ts';
import { errorOf } from '../ltx/error-of.ts';

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const time = fc.integer({ min: 0, max: 4e12 }).map(milliseconds);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const record: fc.Arbitrary<LeaseRecord> = fc.record({
  generation: fc.nat(),
  expiresAt: time,
  owner: fc.string(),
  unknown: fc.dictionary(
    fc.stringMatching(/^x_[a-z]{1,5}$/),
    fc.jsonValue().filter((value) => !Object.is(value, -0)),
  ),
  station: optional(
    fc.record({
      disk: fc.uuid(),
      place: optional(fc.string()),
      service: optional(fc.record({ platform: fc.string(), name: fc.string() })),
      nonce: fc.uuid(),
      acquiredAt: time,
      duration: fc.integer({ min: 1, max: 600_000 }).map(milliseconds),
      state: fc.constantFrom('held', 'released', 'left', 'broken'),
      isUnclaimed: fc.boolean(),
      request: optional(fc.record({ instance: fc.string(), owner: fc.string(), since: time })),
      takeovers: fc.array(fc.record({ txid: fc.integer({ min: 1, max: 1e9 }).map(txid), at: time }), { maxLength: 3 }),
    }),
  ),
});

describe('a lease', () => {
  it('is read as it was written, fields that nobody here knows included', () => {
    fc.assert(
      fc.property(record, (lease) => {
        const copy = parseLease(formatLease(lease), 's3://bucket/lock.json');
        expect(JSON.parse(JSON.stringify(copy))).toEqual(JSON.parse(JSON.stringify(lease)));
      }),
    );
  });

  it('of stock Litestream is understood', () => {
    const stock = { generation: 7, expires_at: '2026-01-15T14:30:00.123456789Z', owner: 'web:1' };
    expect(parseLease(text(stock), '')).toEqual({
      generation: 7,
      expiresAt: Date.parse('2026-01-15T14:30:00.123Z'),
      owner: 'web:1',
      station: undefined,
      unknown: {},
    });
  });

  it('of ours has the fields that stock Litestream reads, under its names', () => {
    const [lease] = fc.sample(record, 1) as [LeaseRecord];
    const saved = JSON.parse(new TextDecoder().decode(formatLease(lease)));
    expect(saved).toMatchObject({ generation: lease.generation, owner: lease.owner });
    expect(Date.parse(saved.expires_at)).toBe(lease.expiresAt);
  });

  it.each([
    ['no JSON', new TextEncoder().encode('<html>')],
    ['no text', new Uint8Array([0xff, 0xfe, 0x00])],
    ['nothing', new Uint8Array()],
    ['a list', text([])],
    ['no time', text({ generation: 1, expires_at: 'soon', owner: '' })],
    ['a later format of ours', text({ generation: 1, expires_at: '2026-01-15T14:30:00Z', station: { version: 2 } })],
  ])('that is %s is named, with the way to break it', (_, bytes) => {
    const error = errorOf(() => parseLease(bytes, 's3://bucket/station/lock.json'));
    expect(error).toMatchObject({ code: 'LEASE_INVALID', exitStatus: 76 });
    expect(error.message).toContain('s3://bucket/station/lock.json');
    expect(error.hint).toContain('lease --break');
  });
});
