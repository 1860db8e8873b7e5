import { type FileHandle, open } from 'node:fs/promises';
import { type Txid, txid } from '../quantities.ts';
import type { PageChecksumSource } from '../wal/follower.ts';

/**
 * One checksum per page of a replicated state, on disk, so that after downtime only the pages that differ are sent.
 *
 * Header of 32 bytes: magic `STNPGCK1`, page size u32, pages u32, TXID u64, 8 zero bytes; then one u64 per page
 * (0 for the lock page). All little-endian. The file is only ever replaced whole, and never describes a state newer
 * than the saved position: a page whose checksum ran ahead of the replicas would never be sent.
 */
export const CHECKSUM_HEADER_SIZE = 32;
const MAGIC = Buffer.from('STNPGCK1', 'latin1');

export interface ChecksumFileHeader {
  readonly pageSize: number;
  readonly commit: number;
  readonly txid: Txid;
}

export function encodeChecksumHeader(header: ChecksumFileHeader): Buffer {
  const buffer = Buffer.alloc(CHECKSUM_HEADER_SIZE);
  MAGIC.copy(buffer);
  buffer.writeUInt32LE(header.pageSize, 8);
  buffer.writeUInt32LE(header.commit, 12);
  buffer.writeBigUInt64LE(BigInt(header.txid), 16);
  return buffer;
}

/** The header, or undefined where this is no whole checksum file. */
function decodeChecksumHeader(buffer: Buffer, fileSize: number): ChecksumFileHeader | undefined {
  if (buffer.length < CHECKSUM_HEADER_SIZE || !buffer.subarray(0, 8).equals(MAGIC)) return undefined;
  const commit = buffer.readUInt32LE(12);
  if (fileSize !== CHECKSUM_HEADER_SIZE + commit * 8) return undefined;
  return { pageSize: buffer.readUInt32LE(8), commit, txid: txid(Number(buffer.readBigUInt64LE(16))) };
}

/** Opens the file; undefined where there is none, or none that is whole. */
export async function openChecksumFile(
  path: string,
): Promise<{ readonly header: ChecksumFileHeader; readonly file: FileHandle } | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const buffer = Buffer.alloc(CHECKSUM_HEADER_SIZE);
  const { bytesRead } = await file.read(buffer, 0, CHECKSUM_HEADER_SIZE, 0);
  const header = decodeChecksumHeader(buffer.subarray(0, bytesRead), (await file.stat()).size);
  if (header !== undefined) return { header, file };
  await file.close();
  return undefined;
}

/** Reads checksums of a state: those of the file, with the changes that came after it laid over. */
export function checksumSource(
  header: ChecksumFileHeader,
  file: FileHandle,
  later: ReadonlyMap<number, bigint>,
  commit: number,
): PageChecksumSource {
  return {
    pageSize: header.pageSize,
    commit,
    read: async (first, count) => {
      const values = new BigUint64Array(count);
      const inFile = Math.max(0, Math.min(count, header.commit - first + 1));
      const target = Buffer.from(values.buffer, 0, inFile * 8);
      await file.read(target, 0, target.length, CHECKSUM_HEADER_SIZE + (first - 1) * 8);
      for (let index = 0; index < count; index += 1) {
        const changed = later.get(first + index);
        if (changed !== undefined) values[index] = changed;
      }
      return values;
    },
  };
}
