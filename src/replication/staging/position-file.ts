import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { replaceFile } from '../../durable-file.ts';
import { StationError } from '../../errors.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../../quantities.ts';
import type { WalPosition } from '../../wal/wal-position.ts';

/**
 * How far this database has been captured. Saved after the level-0 file of its TXID is durable and before that file
 * is uploaded anywhere: so no replica ever holds a TXID of ours that this does not know, and a level-0 file above it
 * is one that a kill interrupted, to be captured again.
 */
/** A file that holds this history's state as of a TXID, and is not one of the staged level-0 files. */
export interface Landmark {
  readonly txid: Txid;
  /** 16 hex digits. */
  readonly fileChecksum: string;
}

/** So many are kept: each restore, snapshot or new page size adds one. */
const LANDMARKS = 16;

export interface LocalPosition {
  readonly txid: Txid;
  /** Timestamp in the header of the last LTX file. The next one is later, whatever the clock says. */
  readonly timestamp: Milliseconds;
  readonly pageSize: number;
  /** Database size in pages. */
  readonly commit: number;
  /** File checksums of the LTX files known to end at this TXID with this state, as 16 hex digits. */
  readonly fileChecksums: readonly string[];
  /**
   * Files of earlier TXIDs that a replica may end with: the one this database was restored from, snapshots. A replica
   * that does goes on from there, where otherwise it would need the whole database again.
   */
  readonly landmarks: readonly Landmark[];
  /** Where reading the WAL goes on, if a WAL position can prove it. */
  readonly wal: WalPosition | undefined;
}

/** A database of which nothing is captured yet. */
export const noPosition: LocalPosition = {
  txid: txid(0),
  timestamp: milliseconds(0),
  pageSize: 0,
  commit: 0,
  fileChecksums: [],
  landmarks: [],
  wal: undefined,
};

const count = z.int().nonnegative();
const schema = z.object({
  version: z.literal(1),
  txid: count,
  timestamp: count,
  pageSize: count,
  commit: count,
  fileChecksums: z.array(z.string()),
  landmarks: z.array(z.object({ txid: count, fileChecksum: z.string() })),
  wal: z
    .object({ pageSize: count, salt1: count, salt2: count, offset: count, checksum1: count, checksum2: count })
    .optional(),
});

/** The landmarks once the position moves on: its own files join them, but for those that are staged at level 0. */
export function landmarksAfter(
  position: LocalPosition,
  staged: readonly Pick<Landmark, 'fileChecksum'>[],
): readonly Landmark[] {
  const { txid: at, fileChecksums, landmarks } = position;
  const known = new Set([...staged, ...landmarks].map(({ fileChecksum }) => fileChecksum));
  const own = fileChecksums.filter((fileChecksum) => !known.has(fileChecksum));
  return [...landmarks, ...own.map((fileChecksum) => ({ txid: at, fileChecksum }))].slice(-LANDMARKS);
}

export async function savePosition(path: string, position: LocalPosition): Promise<void> {
  await replaceFile(path, `${JSON.stringify({ version: 1, ...position })}\n`);
}

/**
 * @returns undefined where none was saved
 * @throws StationError STAGING_FAILED where the file is not one of ours
 */
export async function loadPosition(path: string): Promise<LocalPosition | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new StationError('STAGING_FAILED', `cannot read ${path}: ${String(cause)}`, { cause });
  }
  try {
    const saved = schema.parse(JSON.parse(text));
    return {
      txid: txid(saved.txid),
      timestamp: milliseconds(saved.timestamp),
      pageSize: saved.pageSize,
      commit: saved.commit,
      fileChecksums: saved.fileChecksums,
      landmarks: saved.landmarks.map((landmark) => ({ ...landmark, txid: txid(landmark.txid) })),
      wal: saved.wal,
    };
  } catch (cause) {
    throw new StationError('STAGING_FAILED', `${path} is damaged`, {
      cause,
      hint: 'move the staging folder aside; with --on-conflict=keep-local replication then starts a new chain above the old one',
    });
  }
}
