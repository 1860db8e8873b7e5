import { statfs } from 'node:fs/promises';
import { StationError } from '../../errors.ts';

/** What copies made beside the database leave of its disk to the application: so many bytes, or this part of a small one. */
const MOST_LEFT = 64 << 20;
const PART_LEFT = 1 / 20;

/** Bytes of a file system. */
export interface DiskRoom {
  readonly size: number;
  readonly free: number;
}

export function isRoomLeft({ size, free }: DiskRoom): boolean {
  return free > Math.min(MOST_LEFT, size * PART_LEFT);
}

/**
 * To be asked while a snapshot or a merged file is written: it can wait, and a commit cannot.
 * @throws StationError STAGING_FAILED where the folder's disk has hardly any room left; not where nobody knows
 */
export async function leaveRoom(folder: string): Promise<void> {
  const room = await roomOf(folder);
  if (room === undefined || isRoomLeft(room)) return;
  throw new StationError('STAGING_FAILED', `${folder}: the disk is nearly full, and what is left is the application's`);
}

async function roomOf(folder: string): Promise<DiskRoom | undefined> {
  try {
    const { blocks, bavail, bsize } = await statfs(folder);
    return { size: blocks * bsize, free: bavail * bsize };
  } catch {
    return undefined;
  }
}
