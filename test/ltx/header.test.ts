import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHeader, encodeHeader, HEADER_SIZE, type LtxHeader } from '../../src/ltx/header.ts';
import { milliseconds } from '../../src/quantities.ts';
import { headerOf } from './build-file.ts';
import { errorOf } from './error-of.ts';

const PRESENT = 1n << 63n;

const headers: fc.Arbitrary<LtxHeader> = fc
  .record({
    pageSize: fc.integer({ min: 9, max: 16 }).map((power) => 2 ** power),
    commit: fc.nat(0xffffffff),
    txids: fc.tuple(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), fc.maxSafeNat()),
    timestamp: fc.maxSafeInteger(),
    wal: fc.record({
      offset: fc.maxSafeNat(),
      size: fc.maxSafeNat(),
      salt1: fc.nat(0xffffffff),
      salt2: fc.nat(0xffffffff),
    }),
    nodeId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    preApply: fc.option(fc.bigInt({ min: 0n, max: PRESENT - 1n })),
  })
  .map(({ txids: [first, second], preApply, timestamp, wal, ...rest }) => {
    const min = Math.min(first, second || 1);
    return headerOf({
      ...rest,
      min,
      max: Math.max(first, second),
      timestamp: milliseconds(timestamp),
      wal: wal.offset === 0 ? { offset: 0, size: 0, salt1: 0, salt2: 0 } : wal,
      checksums: preApply === null ? 'none' : { preApply: min === 1 ? 0n : preApply | PRESENT },
    });
  });

/** A sound header with some bytes replaced. */
function changed(offset: number, ...bytes: readonly number[]): Uint8Array {
  const header = encodeHeader(headerOf({ min: 2, max: 3 }));
  header.set(bytes, offset);
  return header;
}

describe('the header', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const bytes = encodeHeader(header);
        expect(bytes).toHaveLength(HEADER_SIZE);
        expect(decodeHeader(bytes)).toEqual(header);
      }),
    );
  });

  it('ignores its reserved bytes and what follows it', () => {
    const bytes = Buffer.concat([changed(80, 1, 2, 3), Uint8Array.of(9, 9)]);
    expect(decodeHeader(bytes)).toEqual(headerOf({ min: 2, max: 3 }));
  });

  it('needs 100 bytes', () => {
    expect(errorOf(() => decodeHeader(new Uint8Array(99)))).toMatchObject({ code: 'LTX_TRUNCATED' });
  });

  it.each([
    ['another magic', changed(3, 0x32), /does not start with "LTX1"/],
    ['the compression flag of version 1', changed(7, 1), /version 1/],
    ['an unknown flag', changed(7, 6), /flags 0x6/],
    ['page size 0', changed(8, 0, 0, 0, 0), /page size 0/],
    ['page size 256', changed(8, 0, 0, 1, 0), /page size 256/],
    ['page size 1000', changed(8, 0, 0, 3, 0xe8), /page size 1000/],
    ['page size 131072', changed(8, 0, 2, 0, 0), /page size 131072/],
    ['min TXID 0', changed(23, 0), /min TXID 0/],
    ['max TXID below min', changed(31, 1), /max TXID 1/],
    ['a TXID of more than 53 bits', changed(24, 0, 0x20), /max TXID/],
    ['a timestamp of more than 53 bits', changed(32, 0x7f), /timestamp/],
    ['a negative WAL offset', changed(48, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), /WAL offset -1/],
    ['a negative WAL size', changed(56, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), /WAL size -1/],
    ['a WAL size without an offset', changed(55, 0, 0, 0, 0, 0, 0, 0, 0, 1), /no WAL offset/],
    ['a salt without an offset', changed(55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), /no WAL offset/],
    ['a pre-apply checksum that its flags deny', changed(40, 0x80), /pre-apply/],
    ['no pre-apply checksum where it must have one', changed(7, 0), /pre-apply checksum is missing/],
  ])('is refused with %s', (_, bytes, message) => {
    expect(errorOf(() => decodeHeader(bytes))).toMatchObject({
      code: 'LTX_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('is refused as a snapshot with a pre-apply checksum, and never written so', () => {
    const bytes = changed(7, 0);
    bytes.set([0x80], 40);
    expect(decodeHeader(bytes).checksums).toEqual({ preApply: PRESENT });
    bytes.set([1], 23);
    expect(errorOf(() => decodeHeader(bytes))).toMatchObject({ code: 'LTX_INVALID' });
    const header = headerOf({ checksums: { preApply: PRESENT } });
    expect(errorOf(() => encodeHeader(header))).toMatchObject({ code: 'LTX_INVALID' });
  });

  it.each([
    ['page size', { pageSize: 1000 }],
    ['commit', { commit: 2 ** 32 }],
    ['commit', { commit: -1 }],
    ['TXID', { min: 0 }],
    ['TXID', { min: 1.5, max: 2 }],
    ['timestamp', { timestamp: milliseconds(Number.NaN) }],
    ['salt', { wal: { offset: 32, size: 0, salt1: 2 ** 32, salt2: 0 } }],
    ['node ID', { nodeId: 2n ** 64n }],
  ])('is not written with a wrong %s', (_, fields) => {
    expect(errorOf(() => encodeHeader(headerOf(fields)))).toMatchObject({ code: 'LTX_INVALID' });
  });
});
