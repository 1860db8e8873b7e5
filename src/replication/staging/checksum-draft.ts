import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { syncFolderOf } from '../../durable-file.ts';
import { CHECKSUM_HEADER_SIZE, type ChecksumFileHeader, encodeChecksumHeader } from '../../restore/checksum-file.ts';

/**
 * The next checksum file while it is written; it replaces the current one whole, or not at all. A step that fails ends
 * the draft and leaves nothing of it: on a full disk what it took is given back.
 */
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
  let file: FileHandle | undefined;
  const abandon = async () => {
    await file?.close();
    await unlink(temporary).catch(() => undefined);
  };
  const orAbandon = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (error) {
      await abandon();
      throw error;
    }
  };
  await orAbandon(async () => {
    if (base === 'current') await copyFile(path, temporary, constants.COPYFILE_FICLONE);
    file = await open(temporary, base === 'current' ? 'r+' : 'w+');
  });
  const opened = file as unknown as FileHandle;
  return {
    patch: (changes) => orAbandon(() => patch(opened, changes)),
    publish: (state) =>
      orAbandon(async () => {
        await opened.truncate(CHECKSUM_HEADER_SIZE + state.commit * 8);
        await writeAll(opened, encodeChecksumHeader(state), 0);
        await opened.sync();
        await opened.close();
        await rename(temporary, path);
        await syncFolderOf(path);
      }),
    abandon,
  };
}

async function patch(file: FileHandle, changes: Iterable<readonly [number, bigint]>): Promise<void> {
  for (const run of consecutiveRuns(changes)) {
    const values = BigUint64Array.from(run.values);
    await writeAll(file, Buffer.from(values.buffer), CHECKSUM_HEADER_SIZE + (run.first - 1) * 8);
  }
}

/** One write may take less than it was given: a disk that is about to be full does. */
async function writeAll(file: FileHandle, content: Buffer, at: number): Promise<void> {
  for (let done = 0; done < content.byteLength; ) {
    done += (await file.write(content, done, content.byteLength - done, at + done)).bytesWritten;
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
