import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPageChecksum, CHECKSUM_FLAG, Crc64, pageChecksum } from '../../src/ltx/checksum.ts';
import { xxh32 } from '../../src/ltx/xxh32.ts';
import { lockPageNumber } from '../../src/page.ts';
import { pageNumber } from '../../src/quantities.ts';

const ascii = (text: string): Uint8Array => Buffer.from(text);
const crc = (bytes: Uint8Array): bigint => new Crc64().update(bytes).digest();
const hex = (value: bigint): string => value.toString(16).padStart(16, '0');

/** The definition, bit by bit. */
function slowCrc(bytes: Uint8Array): bigint {
  let state = 0xffffffffffffffffn;
  for (const byte of bytes) {
    state ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) state = (state >> 1n) ^ (state & 1n ? 0xd800000000000000n : 0n);
  }
  return state ^ 0xffffffffffffffffn;
}

function rolling(pages: readonly { readonly number: number; readonly data: Uint8Array }[]): string {
  const sums = pages.map(({ number, data }) => pageChecksum(pageNumber(number), data));
  return hex(sums.reduce(addPageChecksum, CHECKSUM_FLAG));
}

const filled = (size: number, ...bytes: readonly (number | string)[]) =>
  bytes.map((byte) => new Uint8Array(size).fill(typeof byte === 'string' ? byte.charCodeAt(0) : byte));
const numbered = (from: number, pages: readonly Uint8Array[]) =>
  pages.map((data, index) => ({ number: from + index, data }));

describe('CRC-64/GO-ISO', () => {
  it('has the published check value', () => {
    expect(hex(crc(ascii('123456789')))).toBe('b90956c775a41001');
    expect(crc(ascii(''))).toBe(0n);
  });

  it('is what its definition says, for any bytes at any alignment', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(9), (bytes, shift) => {
        const shifted = Buffer.concat([new Uint8Array(shift), bytes]);
        expect(new Crc64().update(shifted, shift).digest()).toBe(slowCrc(bytes));
      }),
    );
  });

  it('does not depend on the pieces the bytes come in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (pieces) => {
        const checksum = new Crc64();
        for (const piece of pieces) checksum.update(piece);
        expect(checksum.digest()).toBe(crc(Buffer.concat(pieces)));
      }),
    );
  });
});

describe('page checksums', () => {
  it.each([
    ['page 1, 512 × 01', numbered(1, filled(512, 1)), 'e4e4aaa102377eee'],
    ['page 1, 4096 × 00', numbered(1, filled(4096, 0)), 'd9328f592d9e733d'],
    ['512-byte pages 01, 02, 03', numbered(1, filled(512, 1, 2, 3)), 'efffffffecd99000'],
    ['1024-byte pages "2", "3"', numbered(1, filled(1024, '2', '3')), 'e1899b6d587aaaaa'],
    ['512-byte pages "2", "3"', numbered(1, filled(512, '2', '3')), '8b87423eeeeeeeee'],
    ['512-byte page "1"', numbered(1, filled(512, '1')), 'eb1a999231044ddd'],
    ['1024-byte pages 81, 82, 83', numbered(1, filled(1024, 0x81, 0x82, 0x83)), '8a249272ad9f7dea'],
    ['1024-byte page 81', numbered(1, filled(1024, 0x81)), 'eb953fc47685d740'],
  ])('%s', (_, pages, expected) => {
    expect(rolling(pages)).toBe(expected);
  });

  it('leave the lock page out', () => {
    const data = new Uint8Array(4096).fill('x'.charCodeAt(0));
    const lockPage = lockPageNumber(4096);
    let sum = CHECKSUM_FLAG;
    for (let number = 1; number <= lockPage + 10; number += 1) {
      if (number !== lockPage) sum = addPageChecksum(sum, pageChecksum(pageNumber(number), data));
    }
    expect(hex(sum)).toBe('c19b668c376662c7');
  });

  it('can be taken out of the rolling checksum again', () => {
    const [one, two] = [1, 2].map((number) => pageChecksum(pageNumber(number), new Uint8Array(512).fill(number)));
    const both = addPageChecksum(addPageChecksum(CHECKSUM_FLAG, one ?? 0n), two ?? 0n);
    expect(addPageChecksum(both, two ?? 0n)).toBe(one);
  });
});

describe('xxHash32', () => {
  it('has the published values', () => {
    expect(xxh32(ascii(''))).toBe(0x02cc5d05);
    expect(xxh32(ascii('a'))).toBe(0x550d7456);
    expect(xxh32(ascii('abc'))).toBe(0x32d153ff);
    expect(xxh32(ascii('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
  });
});
