import { isPageSize } from '../page.ts';
import { RunningChecksum, type WordOrder } from './wal-checksum.ts';

export const WAL_HEADER_SIZE = 32;

const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;
const FORMAT_VERSION = 3007000;

/** The 32 bytes at the start of a `-wal` file; all fields big-endian. */
export interface WalHeader {
  readonly order: WordOrder;
  readonly pageSize: number;
  readonly checkpointSequence: number;
  readonly salt1: number;
  readonly salt2: number;
  /** Over bytes 0–23; the frames' running checksum starts from it. */
  readonly checksum1: number;
  readonly checksum2: number;
}

/** The header, or undefined where these bytes are none: too short, foreign, or caught half written. */
export function decodeWalHeader(data: Buffer): WalHeader | undefined {
  if (data.length < WAL_HEADER_SIZE) return undefined;
  const magic = data.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE && magic !== MAGIC_BIG) return undefined;
  const order: WordOrder = magic === MAGIC_BIG ? 'big' : 'little';
  const pageSize = data.readUInt32BE(8);
  if (data.readUInt32BE(4) !== FORMAT_VERSION || !isPageSize(pageSize)) return undefined;
  const checksum = new RunningChecksum(order);
  checksum.add(data, 0, 24);
  if (checksum.first !== data.readUInt32BE(24) || checksum.second !== data.readUInt32BE(28)) return undefined;
  return {
    order,
    pageSize,
    checkpointSequence: data.readUInt32BE(12),
    salt1: data.readUInt32BE(16),
    salt2: data.readUInt32BE(20),
    checksum1: checksum.first,
    checksum2: checksum.second,
  };
}
