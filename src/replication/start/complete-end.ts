import { readFile, rm, stat } from 'node:fs/promises';
import { replaceFile } from '../../durable-file.ts';
import { StationError } from '../../errors.ts';
import type { Txid } from '../../quantities.ts';

/**
 * What stood here when a life ended with every commit in every replica. A start that finds it unchanged, and a replica
 * that goes further, knows that another instance has gone on from there: this disk is behind, and holds nothing of its own.
 */
interface CompleteEnd {
  readonly txid: Txid;
  /** Sizes and times of the database and its WAL: a commit changes one of them. */
  readonly files: string;
}

/** @throws StationError STAGING_FAILED: then the next start has to ask, if it is behind */
export async function noteCompleteEnd(path: string, database: string, txid: Txid): Promise<void> {
  try {
    const end: CompleteEnd = { txid, files: await signatureOf(database) };
    await replaceFile(path, `${JSON.stringify(end)}\n`);
  } catch (cause) {
    throw new StationError('STAGING_FAILED', `cannot write ${path}: ${String(cause)}`, { cause });
  }
}

/** Whether the database at that position is as the last life left it, which had brought all of it to every replica. */
export async function isAsAtCompleteEnd(path: string, database: string, txid: Txid): Promise<boolean> {
  try {
    const end = JSON.parse(await readFile(path, 'utf8')) as Partial<CompleteEnd>;
    return end.txid === txid && end.files === (await signatureOf(database));
  } catch {
    // Absent, or not readable: then a person is asked, as ever.
    return false;
  }
}

/** The files of a database that was moved aside, and that the replica is now known to go on from. */
export async function removeAside(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
}

async function signatureOf(database: string): Promise<string> {
  const parts = [database, `${database}-wal`, `${database}-journal`].map(async (path) => {
    const found = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return found === undefined ? '-' : `${found.size}@${found.mtimeNs}`;
  });
  return (await Promise.all(parts)).join(' ');
}
