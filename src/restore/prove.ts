import { type FileHandle, open, rm } from 'node:fs/promises';
import { StationError } from '../errors.ts';
import type { LtxPosition } from './answer.ts';
import { checkIntegrity } from './integrity-check.ts';
import type { IntegrityPolicy } from './restore-options.ts';
import { readSqliteHeader, SQLITE_HEADER_SIZE } from './sqlite-header.ts';

export type Proof =
  | { readonly kind: 'ok'; readonly remarks: readonly string[] }
  | { readonly kind: 'deferred' }
  | { readonly kind: 'skipped'; readonly reason: string | undefined }
  | { readonly kind: 'unsound'; readonly error: StationError };

/**
 * Proves a restored file that is not published yet: what its header says of page size and size must be so, and
 * SQLite's own check must pass, unless the file is larger than the policy's limit. Leaves nothing beside the file.
 *
 * Only for a file no SQLite connection of this process has open: closing a descriptor of one would drop its locks.
 * @throws the signal's reason on abort
 */
export async function proveFile(
  path: string,
  position: Pick<LtxPosition, 'pageSize' | 'commit'>,
  policy: IntegrityPolicy,
  signal: AbortSignal,
): Promise<Proof> {
  if (policy.mode === 'none') return { kind: 'skipped', reason: undefined };
  const fault = await findHeaderFault(path, position);
  if (fault !== undefined) return unsound([fault]);
  if (position.pageSize * position.commit > policy.maxBytes) return { kind: 'deferred' };
  try {
    const finding = await checkIntegrity(path, policy.mode, signal, policy.priority);
    if (finding.kind === 'unsound') return unsound(finding.lines);
    if (finding.kind === 'inconclusive') return { kind: 'skipped', reason: finding.reason };
    return { kind: 'ok', remarks: finding.remarks };
  } finally {
    await Promise.all(['-wal', '-shm', '-journal'].map((suffix) => rm(path + suffix, { force: true })));
  }
}

function unsound(lines: readonly string[]): Proof {
  const message = `the restored database is not sound: ${lines.slice(0, 5).join('; ')}`;
  return {
    kind: 'unsound',
    error: new StationError('DATABASE_INVALID', message, {
      hint: 'its files are whole, so the original was damaged: restore an earlier TXID, or without the integrity check',
    }),
  };
}

/** What is wrong with the header, in words; undefined where nothing is. */
async function findHeaderFault(
  path: string,
  expected: Pick<LtxPosition, 'pageSize' | 'commit'>,
): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = readSqliteHeader(await readStart(file));
    if (header === undefined) return 'page 1 does not begin with SQLite’s header';
    if (header.pageSize !== expected.pageSize) {
      return `its header says pages of ${header.pageSize} bytes, its files say ${expected.pageSize}`;
    }
    if (size !== expected.pageSize * expected.commit) return `it has ${size} bytes, not ${expected.commit} pages`;
    if (header.pages !== undefined && header.pages !== expected.commit) {
      return `its header says ${header.pages} pages, its files say ${expected.commit}`;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

async function readStart(file: FileHandle): Promise<Buffer> {
  const start = Buffer.alloc(SQLITE_HEADER_SIZE);
  const { bytesRead } = await file.read(start, 0, SQLITE_HEADER_SIZE, 0);
  return start.subarray(0, bytesRead);
}
