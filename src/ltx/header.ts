import { StationError } from '../errors.ts';
import { isPageSize } from '../page.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../quantities.ts';
import { CHECKSUM_FLAG } from './checksum.ts';

export const HEADER_SIZE = 100;

const MAGIC = 0x4c545831;
/** Set in version 1 only, where the pages were one LZ4 stream. */
const FLAG_COMPRESSED = 1;
const FLAG_NO_CHECKSUM = 2;
const MAX_UINT32 = 0xffffffff;

/** What stands at the beginning of an LTX file. */
export interface LtxHeader {
  /** In bytes. */
  readonly pageSize: number;
  /** Size of the database in pages once the file is applied; 0 if it was deleted. */
  readonly commit: number;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
  readonly timestamp: Milliseconds;
  /** The part of the WAL the pages came from, in bytes; zeros in merged files. */
  readonly wal: { readonly offset: number; readonly size: number; readonly salt1: number; readonly salt2: number };
  /** Rolling checksums of the database. Litestream writes none, and its restore refuses files that have them. */
  readonly checksums: 'none' | { readonly preApply: bigint };
  readonly nodeId: bigint;
}

/** A file that starts at TXID 1 is a snapshot: it must hold every page. */
export function isSnapshot(header: LtxHeader): boolean {
  return header.minTxid === 1;
}

/** The 100 bytes of a header. Throws LTX_INVALID for a header that no reader would take. */
export function encodeHeader(header: LtxHeader): Uint8Array {
  checkHeader(header);
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, header.checksums === 'none' ? FLAG_NO_CHECKSUM : 0);
  view.setUint32(8, header.pageSize);
  view.setUint32(12, header.commit);
  view.setBigUint64(16, BigInt(header.minTxid));
  view.setBigUint64(24, BigInt(header.maxTxid));
  view.setBigInt64(32, BigInt(header.timestamp));
  view.setBigUint64(40, header.checksums === 'none' ? 0n : header.checksums.preApply);
  view.setBigInt64(48, BigInt(header.wal.offset));
  view.setBigInt64(56, BigInt(header.wal.size));
  view.setUint32(64, header.wal.salt1);
  view.setUint32(68, header.wal.salt2);
  view.setBigUint64(72, header.nodeId);
  return bytes;
}

/** Reads the first 100 bytes of a file. Throws LTX_TRUNCATED if there are fewer, LTX_INVALID for what breaks a rule. */
export function decodeHeader(bytes: Uint8Array): LtxHeader {
  if (bytes.length < HEADER_SIZE) {
    throw new StationError('LTX_TRUNCATED', `the file ends at byte ${bytes.length}, within its header`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  if (view.getUint32(0) !== MAGIC) throw invalid('it does not start with "LTX1"');
  const header: LtxHeader = {
    pageSize: view.getUint32(8),
    commit: view.getUint32(12),
    minTxid: txid(safe(view.getBigUint64(16), 'min TXID')),
    maxTxid: txid(safe(view.getBigUint64(24), 'max TXID')),
    timestamp: milliseconds(safe(view.getBigInt64(32), 'timestamp')),
    wal: {
      offset: safe(view.getBigInt64(48), 'WAL offset'),
      size: safe(view.getBigInt64(56), 'WAL size'),
      salt1: view.getUint32(64),
      salt2: view.getUint32(68),
    },
    checksums: decodeChecksums(view.getUint32(4), view.getBigUint64(40)),
    nodeId: view.getBigUint64(72),
  };
  checkHeader(header);
  return header;
}

function decodeChecksums(flags: number, preApply: bigint): LtxHeader['checksums'] {
  if (flags === FLAG_COMPRESSED) throw invalid('it is in LTX version 1 (compressed), which is not supported');
  if ((flags & ~FLAG_NO_CHECKSUM) !== 0) throw invalid(`its flags 0x${flags.toString(16)} are unknown`);
  if (flags === 0) return { preApply };
  if (preApply !== 0n) throw invalid('it has a pre-apply checksum although its flags say there is none');
  return 'none';
}

function checkHeader(header: LtxHeader): void {
  const { wal } = header;
  if (!isPageSize(header.pageSize))
    throw invalid(`its page size ${header.pageSize} is not a power of two from 512 to 65536`);
  if (!isUint32(header.commit)) throw invalid(`its commit ${header.commit} is out of range`);
  for (const value of [header.minTxid, header.maxTxid, header.timestamp, wal.offset, wal.size]) {
    if (!Number.isSafeInteger(value)) throw invalid(`${value} is not a whole number in range`);
  }
  if (header.minTxid < 1) throw invalid(`its min TXID ${header.minTxid} is below 1`);
  if (header.maxTxid < header.minTxid) {
    throw invalid(`its max TXID ${header.maxTxid} is below its min TXID ${header.minTxid}`);
  }
  if (wal.offset < 0) throw invalid(`its WAL offset ${wal.offset} is negative`);
  if (wal.size < 0) throw invalid(`its WAL size ${wal.size} is negative`);
  if (!isUint32(wal.salt1) || !isUint32(wal.salt2)) throw invalid('a WAL salt is out of range');
  if (wal.offset === 0 && (wal.size !== 0 || wal.salt1 !== 0 || wal.salt2 !== 0)) {
    throw invalid('it has a WAL size or salt but no WAL offset');
  }
  if (BigInt.asUintN(64, header.nodeId) !== header.nodeId)
    throw invalid(`its node ID ${header.nodeId} is out of range`);
  if (header.checksums !== 'none') checkPreApply(header, header.checksums.preApply);
}

function checkPreApply(header: LtxHeader, preApply: bigint): void {
  if (isSnapshot(header)) {
    if (preApply !== 0n) throw invalid('it is a snapshot and has a pre-apply checksum');
  } else if ((preApply & CHECKSUM_FLAG) === 0n) {
    throw invalid('its pre-apply checksum is missing');
  }
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_UINT32;
}

/** The format has 64 bits where no real file needs more than 53. */
function safe(value: bigint, field: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid(`its ${field} ${value} is out of range`);
  return number;
}

function invalid(what: string): StationError {
  return new StationError('LTX_INVALID', `the LTX header is wrong: ${what}`);
}
