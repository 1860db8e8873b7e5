import lz4 from 'lz4-napi';
import { CHECKSUM_FLAG, Crc64 } from '../../src/ltx/checksum.ts';
import { encodeHeader, type LtxHeader } from '../../src/ltx/header.ts';
import { encodePageIndex, type PageLocation } from '../../src/ltx/page-index.ts';
import { xxh32 } from '../../src/ltx/xxh32.ts';
import type { Page } from '../../src/page.ts';
import { milliseconds, pageNumber, txid } from '../../src/quantities.ts';

/** A page frame as it stands in the file, and what of it the file's checksum covers besides the page. */
export interface PageFrame {
  readonly bytes: Uint8Array;
  readonly covered: number;
}

export type PageEncoding = (page: Page) => PageFrame;

export interface FileParts {
  readonly header: LtxHeader;
  readonly pages: readonly Page[];
  readonly postApply?: bigint;
  /** What to make of the true index, to write a wrong one under a right checksum. */
  readonly index?: (pages: readonly PageLocation[]) => Uint8Array;
  readonly indexSize?: bigint;
  /** The 20 reserved bytes of the header. */
  readonly reserved?: Uint8Array;
}

export function headerOf(
  fields: Partial<Omit<LtxHeader, 'minTxid' | 'maxTxid'>> & { min?: number; max?: number } = {},
): LtxHeader {
  const { min = 1, max = min, ...rest } = fields;
  return {
    pageSize: 512,
    commit: 1,
    minTxid: txid(min),
    maxTxid: txid(max),
    timestamp: milliseconds(1000),
    wal: { offset: 32, size: 0, salt1: 0, salt2: 0 },
    checksums: 'none',
    nodeId: 0n,
    ...rest,
  };
}

export function pageOf(number: number, data: Uint8Array): Page {
  return { number: pageNumber(number), data };
}

/**
 * Builds a file from its parts, each checksum right and no rule enforced: what the encoder under test would refuse, or
 * never writes, is written here.
 */
export function buildFile(parts: FileParts, encode: PageEncoding = asBlock): Uint8Array {
  const header = encodeHeader(parts.header);
  if (parts.reserved !== undefined) header.set(parts.reserved, 80);
  const checksum = new Crc64().update(header);
  const pieces: Uint8Array[] = [header];
  const locations: PageLocation[] = [];
  let offset = header.length;
  for (const page of parts.pages) {
    const frame = encode(page);
    checksum.update(frame.bytes, 0, frame.covered).update(page.data);
    locations.push({ number: page.number, offset, length: frame.bytes.length });
    offset += frame.bytes.length;
    pieces.push(frame.bytes);
  }
  const index = (parts.index ?? encodePageIndex)(locations);
  const tail = Buffer.alloc(24);
  tail.writeBigUInt64BE(parts.indexSize ?? BigInt(index.length));
  tail.writeBigUInt64BE(parts.postApply ?? 0n, 8);
  checksum.update(new Uint8Array(6)).update(index).update(tail, 0, 16);
  tail.writeBigUInt64BE(checksum.digest() | CHECKSUM_FLAG, 16);
  return Buffer.concat([...pieces, new Uint8Array(6), index, tail]);
}

function pageHeader(page: Page, flags: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt32BE(page.number);
  bytes.writeUInt16BE(flags, 4);
  return bytes;
}

/** As Litestream writes it since 0.5.16: a size and a raw LZ4 block. */
export const asBlock: PageEncoding = (page) => blockOf(page, compress(page.data));

export function blockOf(page: Page, block: Uint8Array, size: number = block.length): PageFrame {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(size);
  return { bytes: Buffer.concat([pageHeader(page, 1), field, block]), covered: 10 };
}

/** Any bytes in the place of an LZ4 frame. */
export function rawFrameOf(page: Page, frame: Uint8Array, flags = 0): PageFrame {
  return { bytes: Buffer.concat([pageHeader(page, flags), frame]), covered: 6 };
}

export interface FrameFeatures {
  /** Sizes of the pieces of the page, each a block of its own; by default one. */
  readonly pieces?: readonly number[];
  readonly stored?: boolean;
  /** Each block may refer to those before it. */
  readonly linked?: boolean;
  readonly blockChecksums?: boolean;
  readonly contentSize?: bigint;
  readonly contentChecksum?: boolean;
  readonly dictionary?: number;
  /** Block size code: 4 = 64 KiB … 7 = 4 MiB. */
  readonly maxBlock?: number;
}

/** One LZ4 frame with the features asked for, after the LZ4 frame format description. */
export function lz4Frame(content: Uint8Array, features: FrameFeatures = {}): Uint8Array {
  const { linked = false, blockChecksums = false, contentChecksum = true, contentSize, dictionary } = features;
  let flags = 0x40;
  if (!linked) flags |= 0x20;
  if (blockChecksums) flags |= 0x10;
  if (contentSize !== undefined) flags |= 0x08;
  if (contentChecksum) flags |= 0x04;
  if (dictionary !== undefined) flags |= 0x01;
  const descriptor = Buffer.concat([
    Uint8Array.of(flags, (features.maxBlock ?? 4) << 4),
    contentSize === undefined ? new Uint8Array() : uint64(contentSize),
    dictionary === undefined ? new Uint8Array() : uint32(dictionary),
  ]);
  const pieces: Uint8Array[] = [uint32(0x184d2204), descriptor, Uint8Array.of((xxh32(descriptor) >>> 8) & 0xff)];
  let start = 0;
  for (const size of features.pieces ?? [content.length]) {
    const piece = content.subarray(start, start + size);
    const before = linked && start > 0 ? content.subarray(0, start) : undefined;
    const block = features.stored === true ? piece : compress(piece, before);
    pieces.push(uint32(features.stored === true ? (block.length | 0x80000000) >>> 0 : block.length), block);
    if (blockChecksums) pieces.push(uint32(xxh32(block)));
    start += size;
  }
  pieces.push(uint32(0));
  if (contentChecksum) pieces.push(uint32(xxh32(content)));
  return Buffer.concat(pieces);
}

export function asFrame(features: FrameFeatures = {}): PageEncoding {
  return (page) => rawFrameOf(page, lz4Frame(page.data, features));
}

function compress(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  return lz4
    .compressSync(Buffer.from(bytes), dictionary === undefined ? undefined : Buffer.from(dictionary))
    .subarray(4);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
