import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatSize } from './progress-line.ts';

/**
 * A line where the disk does not seem to have room for a file of this size; undefined where it has, or where nobody
 * knows. Only a word beforehand: a file system that compresses may have room all the same.
 */
export async function findLackOfRoom(path: string, size: number): Promise<string | undefined> {
  try {
    const { bavail, bfree, bsize } = await statfs(dirname(path));
    // What is kept for root is there for root.
    const free = (process.getuid?.() === 0 ? bfree : bavail) * bsize;
    if (free >= size) return undefined;
    return `${formatSize(free)} are free in ${dirname(path)}, and the database needs ${formatSize(size)}`;
  } catch {
    return undefined;
  }
}
