import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { CHECKSUM_HEADER_SIZE, type ChecksumFileHeader, encodeChecksumHeader } from './checksum-file.ts';
import { syncFolderOf } from './durable-file.ts';

/** The next checksum file while it is written; it replaces the current one whole, or not at all. */
export interface ChecksumDraft {
  /** Lays these checksums over what is there. */
  patch(changes: Iterable<readonly [number, bigint]>): Promise<void>;
  /** Makes it the checksum file of `state`. */
  publish(state: ChecksumFileHeader): Promise<void>;
  abandon(): Promise<void>;
}

/** Starts a draft, from a copy of the current file (a reflink where the file system can) or from nothing. */
export async function startChecksumDraft(path: string, base: 'current' | 'nothing'): Promise<ChecksumDraft> {
  const temporary = `${path}.tmp`;
  if (base === 'current') await copyFile(path, temporary, constants.COPYFILE_FICLONE);
  const file = await open(temporary, base === 'current' ? 'r+' : 'w+');
  return {
    patch: (changes) => patch(file, changes),
    publish: async (state) => {
      try {
        await file.truncate(CHECKSUM_HEADER_SIZE + state.commit * 8);
        await file.write(encodeChecksumHeader(state), 0, CHECKSUM_HEADER_SIZE, 0);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      await syncFolderOf(path);
    },
    abandon: async () => {
      await file.close();
      await unlink(temporary);
    },
  };
}

async function patch(file: FileHandle, changes: Iterable<readonly [number, bigint]>): Promise<void> {
  for (const run of consecutiveRuns(changes)) {
    const values = BigUint64Array.from(run.values);
    await file.write(Buffer.from(values.buffer), 0, values.byteLength, CHECKSUM_HEADER_SIZE + (run.first - 1) * 8);
  }
}

/** Groups sorted neighbours, so that a run of pages is one write. */
function* consecutiveRuns(
  changes: Iterable<readonly [number, bigint]>,
): Generator<{ first: number; values: bigint[] }> {
  let run: { first: number; values: bigint[] } | undefined;
  for (const [number, checksum] of [...changes].sort((a, b) => a[0] - b[0])) {
    if (run !== undefined && number === run.first + run.values.length) {
      run.values.push(checksum);
      continue;
    }
    if (run !== undefined) yield run;
    run = { first: number, values: [checksum] };
  }
  if (run !== undefined) yield run;
}
